/**
 * How every value lies. A value made by a Reshape, a Transpose or the like is a view of its input's buffer, and an
 * input a view of its result's, wherever all who read and write them can walk it so; else a copy is put between.
 *
 * Values that are views of one another form a tree, from the one that is computed down. One of them has a buffer in
 * the layout that it likes best, and the others are views of it: the one for which the least must be copied. So an
 * attention's heads [1, heads, T, d] are read from, and written to, rows [T, heads * d].
 */
import type { Node } from "../../model/graph.ts";
import { sameShape, sizeOf } from "../../model/tensor.ts";
import type { ExecutionPlan } from "../../plan.ts";
import { bindingOf } from "./bindings.ts";
import { convBorder } from "./conv.ts";
import { isDepthwise } from "./depthwise.ts";
import { isImageStep, type Kinds, kindsOf } from "./kinds.ts";
import { type Border, type Kind, type Layout, layoutOf, noBorder } from "./layout.ts";
import { shapeOf } from "./plan-facts.ts";
import type { Access, Step } from "./step.ts";
import { hasRows, hasWholeRows, sameWalk, viewOf, viewOpOf, type Walk } from "./views.ts";

export interface Arrangement {
  readonly plan: ExecutionPlan; // knows the copies by name
  readonly steps: readonly Step[]; // with the copies, without the steps that only rename
  readonly values: ReadonlyMap<string, Arranged>;
  readonly kinds: Kinds;
}

export interface Arranged {
  readonly layout: Layout;
  readonly buffer: Layout; // of the value that the buffer is laid out for
  readonly owner: string; // names the buffer
}

/** A value of a tree of views. */
interface Member {
  readonly name: string;
  readonly step?: Step; // that makes it of its parent
  readonly children: Member[];
  readonly readers: Reader[];
}

/** Somebody who reads a value: an input of a step, or the graph. */
interface Reader {
  readonly access: Access;
  readonly border?: Border; // that an image needs
  readonly step?: Step;
  readonly slot?: number | "residual";
}

/** A buffer that holds a member, and where the member's elements are in it. */
interface Version {
  readonly buffer: Layout;
  readonly owner: string;
  readonly walk: Walk;
}

export function arrange(plan: ExecutionPlan, steps: readonly Step[]): Arrangement {
  const kinds = kindsOf(plan, steps);
  const roots = growTrees(plan, steps);
  const values = new Map<string, Arranged>();
  const names = new Map(plan.values);
  const running = new Map<string, Step[]>(); // steps that make a value or copies of it, by the value's name
  const renamed = new Map<Step, Map<number | "residual", string>>(); // what a step reads instead
  const freshName = (name: string, value: string) => {
    let fresh = name;
    for (let i = 1; names.has(fresh); i++) fresh = `${name} ${i}`;
    names.set(fresh, plan.values.get(value)!);
    return fresh;
  };

  const settle = (root: Member, writer: Step | undefined): void => {
    if (writer) running.set(root.name, [writer]);
    const base = chooseBase(root, writer, plan, kinds);
    visit(root, [{ ...base, owner: root.name }]);
  };
  const visit = (member: Member, versions: Version[]): void => {
    const { name } = member;
    const shape = shapeOf(plan, name);
    const kind = kinds.kindOf(name);
    const given = new Map<string, string>(); // the layouts given so far: names by owner and kind
    const nameOf = ({ owner, buffer }: Version, layout: Layout): string => {
      const key = `${layout.kind} ${owner}`;
      const known = given.get(key);
      if (known !== undefined) return known;
      const fresh = values.has(name) ? freshName(`${name} as ${layout.kind}`, name) : name;
      given.set(key, fresh);
      values.set(fresh, { layout, buffer, owner });
      return fresh;
    };
    /** The name under which a reader finds the member laid out as it wants. */
    const nameFor = (reader: Reader): string => {
      for (const version of versions) {
        const layout = seenAs(version, shape, kind, reader);
        if (layout) return nameOf(version, layout);
      }
      const copyKind = reader.access === "rows" ? "rows" : kind;
      const buffer = layoutOf(shape, copyKind, copyKind === "image" ? widest(member.readers) : noBorder);
      const copy = freshName(`${name} copied`, name);
      const version = { buffer, owner: copy, walk: buffer };
      values.set(copy, { layout: buffer, buffer, owner: copy });
      given.set(`${copyKind} ${copy}`, copy);
      versions.push(version);
      const made = running.get(name) ?? [];
      running.set(name, [...made, copyStep(member, copy)]);
      return copy;
    };
    nameOf(versions[0], seenAs(versions[0], shape, kind, { access: "any" })!); // the value's own name
    for (const reader of member.readers) {
      const found = nameFor(reader);
      if (!reader.step || reader.slot === undefined || found === name) continue;
      const slots = renamed.get(reader.step) ?? new Map<number | "residual", string>();
      renamed.set(reader.step, slots.set(reader.slot, found));
    }
    for (const child of member.children) {
      const step = child.step!;
      let seen = throughStep(step, versions, plan);
      if (seen.length === 0 && accessOf(step, 0, plan) === "own") {
        nameFor({ access: "own" });
        seen = throughStep(step, versions, plan);
      }
      if (seen.length) visit(child, seen);
      else settle(child, step);
    }
  };
  for (const { root, writer } of roots) settle(root, writer);

  const read = (step: Step): Step => {
    const slots = renamed.get(step);
    if (!slots) return step;
    const inputs = step.inputs.map((name, slot) => slots.get(slot) ?? name);
    return { ...step, inputs, residual: slots.get("residual") ?? step.residual };
  };
  const made = [...plan.graph.inputs.map(({ name }) => name), ...steps.map(({ output }) => output)];
  return {
    plan: { ...plan, values: names },
    steps: made.flatMap((name) => running.get(name) ?? []).map(read),
    values,
    kinds,
  };
}

/** The trees of views, each with the step that makes its root; none for a graph's input. */
function growTrees(plan: ExecutionPlan, steps: readonly Step[]): { root: Member; writer?: Step }[] {
  const members = new Map<string, Member>();
  const roots: { root: Member; writer?: Step }[] = [];
  const newMember = (name: string, step?: Step): Member => {
    const member = { name, step, children: [], readers: [] };
    members.set(name, member);
    return member;
  };
  for (const { name } of plan.graph.inputs) roots.push({ root: newMember(name) });
  for (const step of steps) {
    const source = members.get(step.inputs[0]);
    if (viewOpOf(step.node) && source) source.children.push(newMember(step.output, step));
    else {
      step.inputs.forEach((name, slot) => {
        const border = slot === 0 && step.node.op === "Conv" ? convBorder(step.node, plan) : undefined;
        const reader = { access: accessOf(step, slot, plan), border, step, slot };
        members.get(name)?.readers.push(reader);
      });
      if (step.residual !== undefined) {
        const access = isImageStep(step, plan) ? "own" : "rows";
        members.get(step.residual)?.readers.push({ access, step, slot: "residual" });
      }
      roots.push({ root: newMember(step.output), writer: step });
    }
  }
  for (const { name } of plan.graph.outputs) members.get(name)?.readers.push({ access: "any" });
  return roots;
}

function accessOf(step: Step, slot: number, plan: ExecutionPlan): Access {
  const { reads = "own" } = bindingOf(step.node.op)!;
  return typeof reads === "function" ? reads(step, slot, plan) : reads;
}

function writeAccess(step: Step, plan: ExecutionPlan): Access {
  const { writes = "own" } = bindingOf(step.node.op)!;
  return typeof writes === "function" ? writes(step, plan) : writes;
}

/** The versions of a view of which these are the versions of what it views. */
function throughStep(step: Step, versions: readonly Version[], plan: ExecutionPlan): Version[] {
  return versions.flatMap((version) => {
    const walk = viewOpOf(step.node)!.forward(step.node, plan, version.walk);
    return walk ? [{ ...version, walk }] : [];
  });
}

/** How a reader can see a value of this shape in a buffer; undefined where it cannot. */
function seenAs(
  { buffer, walk }: Omit<Version, "owner">,
  shape: readonly number[],
  kind: Kind,
  { access, border: needed }: Pick<Reader, "access" | "border">,
): Layout | undefined {
  const fits = (layout: Layout) => layout.bytes === buffer.bytes && sameWalk(layout, walk);
  const ownRows = layoutOf(shape, "rows");
  const rows = () => (fits(ownRows) ? ownRows : viewOf(buffer, shape, walk));
  if (access === "rows") return hasRows({ axes: walk.axes }) ? rows() : undefined;
  let own: Layout | undefined = ownRows;
  if (kind === "image") {
    const stride = buffer.kind === "image" && buffer.c === shape[1] ? buffer.stride : undefined;
    const borders = [buffer.border, noBorder].map((border) => layoutOf(shape, kind, border, stride));
    own = borders.find((layout) => fits(layout) && (!needed || isWithin(needed, layout.border)));
  }
  if (own && fits(own)) return own;
  return access === "any" ? rows() : undefined;
}

/** The buffer, and the walk of the root through it, for which the fewest elements are copied. */
function chooseBase(
  root: Member,
  writer: Step | undefined,
  plan: ExecutionPlan,
  kinds: Kinds,
): Omit<Version, "owner"> {
  const picture = pictureLayout(root, writer, plan, kinds);
  if (picture) return { buffer: picture, walk: picture };
  let best: Omit<Version, "owner"> | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  const all: Member[] = [];
  const collect = (member: Member, back: (walk: Walk) => Walk | undefined): void => {
    all.push(member);
    const shape = shapeOf(plan, member.name);
    const kind = kinds.kindOf(member.name);
    const layouts = [layoutOf(shape, "rows")];
    if (kind === "image") {
      const same = all.filter(({ name }) => sameShape(shapeOf(plan, name), shape));
      layouts.unshift(layoutOf(shape, kind, widest(same.flatMap(({ readers }) => readers))));
    }
    for (const buffer of layouts) {
      const walk = back(buffer);
      if (!walk || !isWritable({ buffer, walk })) continue;
      const elements = copied(root, { buffer, walk }, plan, kinds);
      if (elements >= fewest) continue;
      fewest = elements;
      best = { buffer, walk };
      if (fewest === 0) return;
    }
    for (const child of member.children) {
      const { node } = child.step!;
      const viewOp = viewOpOf(node)!;
      if (!viewOp.back || fewest === 0) continue;
      collect(child, (walk) => {
        const own = viewOp.back!(node, plan, walk);
        return own && back(own);
      });
    }
  };
  const isWritable = (version: Omit<Version, "owner">): boolean => {
    const access = writer ? writeAccess(writer, plan) : "any";
    const kind = kinds.kindOf(root.name);
    const seen = seenAs(version, shapeOf(plan, root.name), kind, { access });
    return seen !== undefined && (access !== "rows" || hasWholeRows(seen));
  };
  collect(root, (walk) => walk);
  return best!;
}

/** How many elements are copied where the root lies so. */
function copied(
  member: Member,
  version: Omit<Version, "owner">,
  plan: ExecutionPlan,
  kinds: Kinds,
): number {
  const shape = shapeOf(plan, member.name);
  const kind = kinds.kindOf(member.name);
  const unserved = member.readers.filter((reader) => !seenAs(version, shape, kind, reader));
  let elements = new Set(unserved.map(({ access }) => access)).size * sizeOf(shape);
  for (const child of member.children) {
    const { node } = child.step!;
    const walk = viewOpOf(node)!.forward(node, plan, version.walk);
    elements += walk
      ? copied(child, { buffer: version.buffer, walk }, plan, kinds)
      : sizeOf(shapeOf(plan, child.name));
  }
  return elements;
}

/** Pictures of 1 or 3 channels stay as narrow as they are where only convolutions read them. */
function pictureLayout(
  root: Member,
  writer: Step | undefined,
  plan: ExecutionPlan,
  kinds: Kinds,
): Layout | undefined {
  const shape = shapeOf(plan, root.name);
  const isRead =
    !writer &&
    root.children.length === 0 &&
    root.readers.length > 0 &&
    root.readers.every(
      ({ step, slot }) => step?.node.op === "Conv" && slot === 0 && !isGrouped(step, plan),
    );
  if (!isRead || kinds.kindOf(root.name) === "rows" || shape[1] >= 8) return undefined;
  return layoutOf(shape, "image", widest(root.readers), shape[1]);
}

function isGrouped({ node }: Step, plan: ExecutionPlan): boolean {
  return (
    isDepthwise(node, plan) || shapeOf(plan, node.inputs[1])[1] !== shapeOf(plan, node.inputs[0])[1]
  );
}

function widest(readers: readonly Reader[]): Border {
  return readers.reduce(
    (wide, { border = noBorder }) => ({
      top: Math.max(wide.top, border.top),
      bottom: Math.max(wide.bottom, border.bottom),
      side: Math.max(wide.side, border.side),
    }),
    noBorder,
  );
}

function isWithin(inner: Border, outer: Border): boolean {
  return inner.top <= outer.top && inner.bottom <= outer.bottom && inner.side <= outer.side;
}

/** Copies a value as it lies to a buffer of its own. */
function copyStep({ name, step }: Member, copy: string): Step {
  const node: Node = { name, op: "Identity", inputs: [name], outputs: [copy], attrs: {} };
  const label = step?.label ?? `Copy '${name}'`;
  const [lo, hi] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  return { node, label, inputs: [name], output: copy, lo, hi };
}
