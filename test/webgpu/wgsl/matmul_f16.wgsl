// 2 x 2 x 4 workgroups; M = 50, N = 50, K = 16, row = 16, col = 1, row_1 = 50, aSize = 800, bSize = 800
enable f16;
override M: u32;
override N: u32;
override K: u32;
override row: u32;
override col: u32;
override row_1: u32;
override aSize: u32;
override bSize: u32;
@group(0) @binding(0) var<storage, read_write> v0: array<f32>;
@group(0) @binding(1) var<storage, read_write> v1: array<f32>;
@group(0) @binding(2) var<storage, read_write> v2: array<f32>;
var<workgroup> as_: array<vec4<f16>, 128>; // [depth][rows / 4]
var<workgroup> bs: array<vec4<f16>, 128>; // [depth][columns / 4]

fn store(i: u32, result: f32) {
  v0[i] = result;
}
fn a_at(first: u32, p: u32, n: u32) -> f32 {
  if (p >= M || n >= K) { return 0.0; }
  return v1[first + (p) * row + (n) * col];
}
fn b_at(first: u32, n: u32, m: u32) -> f32 {
  if (n >= K || m >= N) { return 0.0; }
  return v2[first + (n) * row_1 + (m) * col];
}
fn put(first: u32, p: u32, column: u32, sum: vec4<f32>) {
  if (p >= M) { return; }
  for (var j = 0u; j < 4u; j++) {
    let m = column + j;
    if (m < N) { store(first + p * N + m, sum[j]); }
  }
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let matrix = group.z;
  let a0 = (matrix) * aSize;
  let b0 = (matrix) * bSize;
  let row = group.y * 32u;
  let column = group.x * 32u;
  let r = t / 8u; // this invocation's four rows and columns of the tile
  let c = t % 8u;
  var sum0 = vec4<f32>();
  var sum1 = vec4<f32>();
  var sum2 = vec4<f32>();
  var sum3 = vec4<f32>();
  for (var first = 0u; first < K; first += 16u) {
    workgroupBarrier();
    for (var n = r; n < 16u; n += 8u) {
      let p = row + c * 4u;
      let m = column + c * 4u;
      let at = first + n;
      var left: vec4<f32>;
      var right: vec4<f32>;
      for (var j = 0u; j < 4u; j++) {
        left[j] = a_at(a0, p + j, at);
        right[j] = b_at(b0, at, m + j);
      }
      as_[n * 8u + c] = vec4<f16>(left);
      bs[n * 8u + c] = vec4<f16>(right);
    }
    workgroupBarrier();
    for (var n = 0u; n < 16u; n++) {
      let left = vec4<f32>(as_[n * 8u + r]);
      let right = vec4<f32>(bs[n * 8u + c]);
      sum0 = fma(vec4<f32>(left.x), right, sum0);
      sum1 = fma(vec4<f32>(left.y), right, sum1);
      sum2 = fma(vec4<f32>(left.z), right, sum2);
      sum3 = fma(vec4<f32>(left.w), right, sum3);
    }
  }
  let out = matrix * M * N;
  var sums = array<vec4<f32>, 4>(sum0, sum1, sum2, sum3);
  for (var i = 0u; i < 4u; i++) { put(out, row + r * 4u + i, column + c * 4u, sums[i]); }
}
