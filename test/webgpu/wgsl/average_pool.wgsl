// 13 x 1 x 1 workgroups; oH = 7, oW = 7, iH = 14, iW = 14, strideY = 2, padY = 0, strideX = 2, padX = 0, kH = 2, dilationY = 1, kW = 2, dilationX = 1, count = 784, row = 832
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
override kW: u32;
override dilationX: u32;
override count: u32;
override row: u32;
@group(0) @binding(0) var<storage, read_write> v0: array<f32>;
@group(0) @binding(1) var<storage, read_write> v1: array<f32>;
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
  var sum = 0.0;
  var taps = 0.0;
  for (var ky = 0u; ky < kH; ky++) {
    let y = y0 + i32(ky * dilationY);
    if (y < 0 || y >= iH) { continue; }
    for (var kx = 0u; kx < kW; kx++) {
      let x = x0 + i32(kx * dilationX);
      if (x < 0 || x >= iW) { continue; }
      let at = u32(first + y * iW + x);
      sum += v0[at]; taps += 1.0;
    }
  }
  v1[i] = sum / max(taps, 1.0);
}
