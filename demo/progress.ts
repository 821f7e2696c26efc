/** What a long run is doing and how long it will take: one line that changes in a terminal, a line now and then elsewhere. */

/** Seconds between two lines where there is no terminal. */
const quietSeconds = 10;

export interface ProgressLine {
  /** `fraction` of this stage; `secondsLeft` of the whole run. */
  show(stage: string, fraction: number, secondsLeft: number, detail?: string): void;
  /** Wipes the line. */
  end(): void;
}

export function progressLine(stream = process.stderr): ProgressLine {
  let last = { stage: "", time: Number.NEGATIVE_INFINITY };
  return {
    show(stage, fraction, secondsLeft, detail = "") {
      const time = performance.now() / 1000;
      const wait = stream.isTTY ? 0.1 : quietSeconds;
      if (stage === last.stage && time - last.time < wait) return;
      last = { stage, time };
      const left = `about ${clock(secondsLeft)} left`;
      const parts = [stage.padEnd(34), `${Math.round(100 * fraction)} %`.padStart(5), left, detail];
      const line = parts.filter(Boolean).join("  ");
      stream.write(stream.isTTY ? `\r\x1b[K${line.slice(0, stream.columns - 1)}` : `${line}\n`);
    },
    end() {
      if (stream.isTTY) stream.write("\r\x1b[K");
    },
  };
}

/** 75 -> "1:15" */
function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
