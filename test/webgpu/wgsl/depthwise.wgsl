// 49 x 1 x 1 workgroups; taps = 9, outC = 16, kW = 3, oH = 14, oW = 14, iH = 14, iW = 14, strideY = 1, padY = 1, strideX = 1, padX = 1, kH = 3, dilationY = 1, dilationX = 1, count = 3136, row = 3136
override taps: u32;
override outC: u32;
override kW: u32;
override oH: u32;
override oW: u32;
override iH: i32;
override iW: i32;
override strideY: u32;
override padY: i32;
override strideX: u32;
override padX: i32;
override kH: u32;
override dilationY: u32;
override dilationX: u32;
override count: u32;
override row: u32;
@group(0) @binding(0) var<storage, read> c0: array<f32>;
@group(0) @binding(1) var<storage, read_write> v1: array<f32>;
@group(0) @binding(2) var<storage, read_write> v2: array<f32>;
fn hard_swish(x: f32) -> f32 { return x * clamp(x / 6.0 + 0.5, 0.0, 1.0); }
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * row + id.x;
  if (i >= count) { return; }
  let ox = i % oW;
  let oy = (i / oW) % oH;
  let plane = i / (oW * oH);
  let first = i32(plane) * iH * iW;
  let y0 = i32(oy * strideY) - padY;
  let x0 = i32(ox * strideX) - padX;
  let w = (plane % outC) * taps;
  var sum = 0.0;
  for (var ky = 0u; ky < kH; ky++) {
    let y = y0 + i32(ky * dilationY);
    if (y < 0 || y >= iH) { continue; }
    for (var kx = 0u; kx < kW; kx++) {
      let x = x0 + i32(kx * dilationX);
      if (x < 0 || x >= iW) { continue; }
      let at = u32(first + y * iW + x);
      sum = fma(c0[w + ky * kW + kx], v1[at], sum);
    }
  }
  let r0: f32 = sum;
  let r1: f32 = hard_swish(r0);
  v2[i] = r1;
}
