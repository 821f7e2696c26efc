/** The page for a model of one's own: read, pruned by magnitude, timed dense against sparse; nothing leaves the device. */
import { proxy } from "comlink";
import { rowsOf } from "../bench/result.ts";
import { offerFile } from "../bench/save.ts";
import { card } from "../bench/show.ts";
import { type Helper, helper, Stopped } from "../helper.ts";
import { element, fillThreads, messageOf, type Page } from "../page.ts";
import type { Inspected } from "../pruning/inspect.ts";
import type { PruningApi } from "../pruning/worker.ts";
import type { RaceResult } from "../race/job.ts";
import type { RaceApi } from "../race/worker.ts";

const rounds = 15;

type Pruned = Awaited<ReturnType<PruningApi["pruneOwn"]>>;

export async function modelPage(): Promise<Page> {
  const file = element<HTMLInputElement>("model-file");
  const drop = element("model-drop");
  const form = element<HTMLFormElement>("model-form");
  const slider = element<HTMLInputElement>("model-sparsity");
  const pattern = element<HTMLSelectElement>("model-pattern");
  const run = element<HTMLButtonElement>("model-run");
  const stop = element<HTMLButtonElement>("model-stop");
  const download = element<HTMLButtonElement>("model-download");
  let model: { readonly name: string; readonly bytes: Uint8Array } | undefined;
  let working: Helper<unknown> | undefined;
  fillThreads(element<HTMLSelectElement>("model-threads"));

  /** Each in a worker of its own: the pruner's memory is free again before anything is timed. */
  async function withHelper<Api, T>(
    worker: Worker,
    work: (help: Helper<Api>) => Promise<T>,
  ): Promise<T> {
    const help = helper<Api>(worker);
    working = help;
    try {
      return await work(help);
    } finally {
      help.end();
    }
  }
  const pruner = () => new Worker(new URL("../pruning/worker.ts", import.meta.url), { type: "module" });
  const racer = () => new Worker(new URL("../race/worker.ts", import.meta.url), { type: "module" });

  async function busy(work: () => Promise<void>): Promise<void> {
    run.disabled = true;
    stop.disabled = false;
    try {
      await work();
    } catch (error) {
      say(error instanceof Stopped ? "Stopped." : messageOf(error), !(error instanceof Stopped));
    } finally {
      working = undefined;
      run.disabled = false;
      stop.disabled = true;
      progress(0, 0);
    }
  }

  async function open(chosen: File): Promise<void> {
    working?.end();
    form.hidden = element("model-facts").hidden = download.hidden = true;
    element("model-result").replaceChildren();
    say(`Reading ${chosen.name}…`);
    await busy(async () => {
      const bytes = new Uint8Array(await chosen.arrayBuffer());
      const found = (await withHelper<PruningApi, unknown>(pruner(), (help) =>
        help.call((api) => api.inspect(bytes)),
      )) as Inspected;
      model = { name: chosen.name.replace(/\.\w+$/, ""), bytes };
      showFacts(chosen.name, found);
      askSizes(found.openSizes);
      form.hidden = false;
      say("Read. Choose what to prune.");
    });
  }

  async function pruneAndTime({ name, bytes }: NonNullable<typeof model>): Promise<void> {
    const threads = Number(element<HTMLSelectElement>("model-threads").value);
    say("Pruning…");
    const made = (await withHelper<PruningApi, unknown>(pruner(), (help) =>
      help.call((api) =>
        api.pruneOwn(bytes, {
          pattern: pattern.value,
          sparsity: /^\d+:/.test(pattern.value) ? undefined : Number(slider.value) / 100,
          sizes: givenSizes(),
        }),
      ),
    )) as Pruned;
    const { "dense.filigree": dense, "pruned.filigree": pruned, "check.filigree": check } = made.files;
    download.hidden = false;
    download.onclick = () => offerFile(`${name}.filigree`, pruned!);
    say("Timing…");
    const results = (await withHelper<RaceApi, unknown>(racer(), (help) =>
      help.call((api) =>
        api.race(
          {
            runners: [
              { name: "Filigree pruned", kind: "filigree", model: pruned!, like: "check" },
              { name: "Filigree dense", kind: "filigree", model: dense!, like: "Filigree dense" },
            ],
            judges: [{ name: "check", kind: "filigree", model: check! }],
            threads,
            rounds,
            base: document.baseURI,
          },
          proxy((_, done, total) => progress(done, total)),
        ),
      ),
    )) as RaceResult[];
    const removed = `${Math.round(100 * made.removed)} %`;
    const rows = rowsOf(name, `${made.pattern} ${removed}`, threads, results);
    element("model-result").replaceChildren(card(name, rows));
    const kilobytes = (of: Uint8Array) => `${Math.round(of.length / 1000)} kB`;
    const ratio = rows[0].ratio.toFixed(2);
    const left = made.skipped.length ? ` Left dense: ${made.skipped.length} (${made.skipped[0]}…).` : "";
    say(
      `${removed} of the weights of ${made.layers} layers are gone: ${ratio} times as fast, ` +
        `${kilobytes(dense!)} are ${kilobytes(pruned!)} now.${left}`,
      !rows.every(({ isRight }) => isRight),
    );
  }

  file.addEventListener("change", () => {
    const [chosen] = file.files ?? [];
    if (chosen) void open(chosen);
    file.value = ""; // the same file can be chosen again
  });
  for (const type of ["dragenter", "dragover"]) {
    drop.addEventListener(type, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const [chosen] = event.dataTransfer?.files ?? [];
    if (chosen) void open(chosen);
  });
  slider.addEventListener("input", () => {
    element("model-percent").textContent = `${slider.value} %`;
  });
  pattern.addEventListener("change", () => {
    const [n, m] = pattern.value.split(/[:x]/).map(Number); // n of m stay: its sparsity is its own
    slider.disabled = n > 0;
    element("model-percent").textContent = n > 0 ? `${100 - (100 * n) / m} %` : `${slider.value} %`;
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = model;
    if (given) void busy(() => pruneAndTime(given));
  });
  stop.addEventListener("click", () => working?.end());

  return {
    show() {},
    hide: () => working?.end(),
  };
}

function showFacts(fileName: string, found: Inspected): void {
  const { bytes, format, nodes, operators, weights, keptWeights, inputs, outputs } = found;
  element("model-facts").hidden = false;
  element("model-name").textContent = fileName;
  const counts = operators.map(([op, count]) => `${count} ${op}`).join(", ");
  const zeros = `${(100 * (1 - keptWeights / (weights || 1))).toFixed(1)} % zeros`;
  const facts = [
    ["File", `${format}, ${(bytes / 1e6).toFixed(2)} MB`],
    ["Weights", `${weights.toLocaleString("en")}, ${zeros}`],
    ["Nodes", `${nodes}: ${counts}`],
    ["Inputs", inputs.join("; ")],
    ["Outputs", outputs.join("; ")],
  ];
  element("model-list").replaceChildren(
    ...facts.map(([term, value]) => {
      const row = document.createElement("div");
      row.append(
        Object.assign(document.createElement("dt"), { textContent: term }),
        Object.assign(document.createElement("dd"), { textContent: value }),
      );
      return row;
    }),
  );
}

/** One field for each size that the model leaves open; most are a batch. */
function askSizes(names: readonly string[]): void {
  element("model-sizes").replaceChildren(
    ...names.map((name) => {
      const label = document.createElement("label");
      label.className = "field wide";
      const input = Object.assign(document.createElement("input"), {
        type: "number",
        min: "1",
        value: "1",
      });
      input.dataset.size = name;
      label.append(`Size of ${name}`, input);
      return label;
    }),
  );
}

function givenSizes(): Record<string, number> {
  const inputs = [...document.querySelectorAll<HTMLInputElement>("#model-sizes [data-size]")];
  return Object.fromEntries(inputs.map((input) => [input.dataset.size!, Number(input.value)]));
}

function say(text: string, isError = false): void {
  element("model-message").textContent = text;
  element("model-message").classList.toggle("error", isError);
}

function progress(done: number, total: number): void {
  const bar = element<HTMLProgressElement>("model-progress");
  bar.max = total || 1;
  bar.value = done;
  bar.classList.toggle("idle", total === 0);
}
