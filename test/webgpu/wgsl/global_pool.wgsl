// 16 x 1 x 1 workgroups; line_stride = 196, across = 16, lines = 16, count = 196
override line_stride: u32;
override across: u32;
override lines: u32;
override count: u32;
@group(0) @binding(0) var<storage, read_write> v0: array<f32>;
@group(0) @binding(1) var<storage, read_write> v1: array<f32>;
var<workgroup> shared_join: array<f32, 64>;
fn join(t: u32, own: f32) -> f32 {
  shared_join[t] = own;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (t < half) {
      let a = shared_join[t];
      let b = shared_join[t + half];
      shared_join[t] = a + b;
    }
  }
  workgroupBarrier();
  let total = shared_join[0];
  workgroupBarrier();
  return total;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let line = group.y * across + group.x;
  if (line >= lines) { return; }
  let count = count;
  var own: f32 = 0.0;
  for (var n = t; n < count; n += 64u) {
    let a = own;
    let b = v0[(line) * line_stride + n];
    own = a + b;
  }
  let total = join(t, own);
  if (t == 0u) {
    let i = line;
    v1[i] = total / f32(count);
  }
}
