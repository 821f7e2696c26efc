/** Runs are shared with helper threads only as long as that is faster. */
import { expect, test } from "vitest";
import { makePace } from "../../runtime/backends/wasm/pace.ts";

/** Runs on a machine whose times are given; how many of the last `count` were shared. */
function drive(
  pace: ReturnType<typeof makePace>,
  clock: { ms: number },
  count: number,
  msOf: (isShared: boolean) => number,
) {
  let shared = 0;
  for (let run = 0; run < count; run++) {
    const isShared = pace.next();
    const ms = msOf(isShared);
    clock.ms += ms;
    pace.record(isShared, ms);
    if (isShared) shared++;
  }
  return shared;
}

const start = () => {
  const clock = { ms: 0 };
  return { clock, pace: makePace(() => clock.ms) };
};
const helped = (isShared: boolean) => (isShared ? 5 : 9);
const hindered = (isShared: boolean) => (isShared ? 9 : 5);

test("the first run is shared, and both ways are tried", () => {
  const { clock, pace } = start();
  expect(pace.next()).toBe(true);
  const shared = drive(pace, clock, 7, helped);
  expect(shared).toBe(4);
});

test.each([
  { name: "helpers that help are kept", msOf: helped, least: 190, most: 200 },
  { name: "helpers that hinder are left asleep", msOf: hindered, least: 0, most: 10 },
])("$name", ({ msOf, least, most }) => {
  const { clock, pace } = start();
  drive(pace, clock, 7, msOf);
  const shared = drive(pace, clock, 200, msOf);
  expect(shared).toBeGreaterThanOrEqual(least);
  expect(shared).toBeLessThanOrEqual(most);
});

test("when another program takes the second core, the runs go on alone, and shared again afterwards", () => {
  const { clock, pace } = start();
  drive(pace, clock, 100, helped);
  drive(pace, clock, 20, hindered);
  expect(drive(pace, clock, 100, hindered)).toBeLessThanOrEqual(10);
  drive(pace, clock, 500, helped); // over two seconds
  expect(drive(pace, clock, 100, helped)).toBeGreaterThanOrEqual(90);
});
