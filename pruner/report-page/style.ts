/** The style sheet of the report: its colours are variables, which the plots use too. */
export const style = `
:root { --bg: #f6f7f9; --card: #fff; --text: #1c2330; --muted: #5c6675; --line: #dfe3e9;
  --grey: #8a94a3; --blue: #3b76d9; --green: #0f9d76; --orange: #df7b1f; }
@media (prefers-color-scheme: dark) {
  :root { --bg: #11151b; --card: #1a2029; --text: #e8ecf2; --muted: #9aa5b4; --line: #303947;
    --grey: #8792a2; --blue: #6ea2f5; --green: #35c79b; --orange: #f0a050; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 28px 16px 48px; }
h1 { font-size: clamp(22px, 5vw, 32px); line-height: 1.2; margin: 0 0 8px; overflow-wrap: anywhere; }
h2 { font-size: 16px; margin: 0 0 8px; }
header p { color: var(--muted); margin: 0 0 20px; max-width: 68ch; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px; margin-bottom: 12px; }
.tile, figure, .table { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 14px 16px; }
.tile strong { display: block; font-size: 28px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--muted); font-size: 13.5px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 12px; }
figure { margin: 0; padding: 16px; min-width: 0; }
figure svg { display: block; width: 100%; max-width: 480px; height: auto; margin: 0 auto; }
figcaption { color: var(--muted); font-size: 13.5px; margin-top: 8px; }
.table { margin: 12px 0; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 8px 12px; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--card); font-weight: 500; }
thead th { color: var(--muted); font-weight: 500; }
tbody tr { border-top: 1px solid var(--line); }
footer { color: var(--muted); font-size: 13.5px; margin-top: 20px; overflow-wrap: anywhere; }
footer p { margin: 4px 0; }
@media (max-width: 520px) { th, td { padding: 7px 9px; } tbody th { white-space: normal; min-width: 100px; } .tile strong { font-size: 24px; } }
`;
