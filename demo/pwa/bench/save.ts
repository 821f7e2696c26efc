/** Results out of the page, by the user's hand: download, clipboard, share sheet. */
import { element, messageOf } from "../page.ts";
import type { BenchResult } from "./result.ts";

export function offerResult(result: BenchResult): void {
  const text = JSON.stringify(result, undefined, 1);
  const name = `filigree-bench-${result.date.slice(0, 16).replace(/[:T]/g, "-")}.json`;
  const file = new File([text], name, { type: "application/json" });
  const say = (message: string) => {
    element("bench-saved").textContent = message;
  };
  const copy = element<HTMLButtonElement>("bench-copy");
  const share = element<HTMLButtonElement>("bench-share");
  element("bench-save").hidden = false;
  element<HTMLButtonElement>("bench-download").onclick = () => offerFile(name, text);
  copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied.");
    } catch (error) {
      say(`Not copied: ${messageOf(error)}`);
    }
  };
  share.hidden = !navigator.canShare?.({ files: [file] });
  share.onclick = () => navigator.share({ files: [file], title: name }).catch(() => {}); // closed again
}

/** Starts the download. */
export function offerFile(name: string, content: string | Uint8Array): void {
  const type = typeof content === "string" ? "application/json" : "application/octet-stream";
  const url = URL.createObjectURL(new Blob([content as BlobPart], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
