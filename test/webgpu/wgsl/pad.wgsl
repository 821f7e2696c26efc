// 1 x 1 x 1 workgroups; x_below = 30, x_stride = 12, t1_below = 6, t1_size = 5, t2_size = 6, count = 60, row = 64
override x_below: u32;
override x_stride: u32;
override t1_below: u32;
override t1_size: u32;
override t2_size: u32;
override count: u32;
override row: u32;
@group(0) @binding(0) var<storage, read_write> v0: array<f32>;
@group(0) @binding(1) var<storage, read> c1: array<i32>;
@group(0) @binding(2) var<storage, read> c2: array<i32>;
@group(0) @binding(3) var<storage, read_write> v3: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * row + id.x;
  if (i >= count) { return; }
  let source = (i / x_below) * x_stride;
  let at1 = c1[i / t1_below % t1_size];
  let at2 = c2[i % t2_size];
  let picked = v0[source + u32(at1) + u32(at2)];
  v3[i] = picked;
}
