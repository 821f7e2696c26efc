// 13 x 1 x 1 workgroups; b_below = 49, lo = 0, hi = 6, count = 784, row = 832
override b_below: u32;
override lo: f32;
override hi: f32;
override count: u32;
override row: u32;
@group(0) @binding(0) var<storage, read_write> v0: array<f32>;
@group(0) @binding(1) var<storage, read> c1: array<f32>;
@group(0) @binding(2) var<storage, read_write> v2: array<f32>;
@group(0) @binding(3) var<storage, read_write> v3: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * row + id.x;
  if (i >= count) { return; }
  let r0: f32 = v0[i] * c1[i / b_below];
  let r1: f32 = r0 + v3[i];
  let r2: f32 = min(max(r1, lo), hi);
  v2[i] = r2;
}
