// 200 x 1 x 1 workgroups; line_stride = 50, across = 200, lines = 200, count = 50
override line_stride: u32;
override across: u32;
override lines: u32;
override count: u32;
@group(0) @binding(0) var<storage, read_write> v0: array<f32>;
@group(0) @binding(1) var<storage, read_write> v1: array<f32>;
var<workgroup> shared_most_of: array<f32, 64>;
fn most_of(t: u32, own: f32) -> f32 {
  shared_most_of[t] = own;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (t < half) {
      let a = shared_most_of[t];
      let b = shared_most_of[t + half];
      shared_most_of[t] = max(a, b);
    }
  }
  workgroupBarrier();
  let total = shared_most_of[0];
  workgroupBarrier();
  return total;
}
var<workgroup> shared_sum_of: array<f32, 64>;
fn sum_of(t: u32, own: f32) -> f32 {
  shared_sum_of[t] = own;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (t < half) {
      let a = shared_sum_of[t];
      let b = shared_sum_of[t + half];
      shared_sum_of[t] = a + b;
    }
  }
  workgroupBarrier();
  let total = shared_sum_of[0];
  workgroupBarrier();
  return total;
}
fn store(i: u32, result: f32) {
  v1[i] = result;
}
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let line = group.y * across + group.x;
  if (line >= lines) { return; }
  let count = count;
  let first = (line) * line_stride;
  var own: f32 = -3.402823466e38;
  for (var n = t; n < count; n += 64u) { own = max(own, v0[first + n]); }
  let most = most_of(t, own);
  own = 0.0;
  for (var n = t; n < count; n += 64u) { own += exp(v0[first + n] - most); }
  let factor = 1.0 / sum_of(t, own);
  for (var n = t; n < count; n += 64u) {
    let i = first + n;
    store(i, exp(v0[i] - most) * factor);
  }
}
