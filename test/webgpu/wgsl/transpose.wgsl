// 1 x 1 x 1 workgroups; x_size = 6, x_stride = 4, x_below = 6, count = 24, row = 64
override x_size: u32;
override x_stride: u32;
override x_below: u32;
override count: u32;
override row: u32;
@group(0) @binding(0) var<storage, read_write> v0: array<f32>;
@group(0) @binding(1) var<storage, read_write> v1: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * row + id.x;
  if (i >= count) { return; }
  let source = i / x_below + (i % x_size) * x_stride;
  let picked = v0[source];
  v1[i] = picked;
}
