// 5 x 1 x 1 workgroups; kept_below = 100, kept_stride = 25, o2_below = 10, o2_size = 10, o3_size = 10, count = 300, row = 320
override kept_below: u32;
override kept_stride: u32;
override o2_below: u32;
override o2_size: u32;
override o3_size: u32;
override count: u32;
override row: u32;
@group(0) @binding(0) var<storage, read_write> v0: array<f32>;
@group(0) @binding(1) var<storage, read> c1: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> c2: array<f32>;
@group(0) @binding(3) var<storage, read> c3: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read> c4: array<f32>;
@group(0) @binding(5) var<storage, read_write> v5: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.y * row + id.x;
  if (i >= count) { return; }
  let kept = (i / kept_below) * kept_stride;
  let o2 = i / o2_below % o2_size;
  let at2 = c1[o2];
  let share2 = c2[o2];
  let o3 = i % o3_size;
  let at3 = c3[o3];
  let share3 = c4[o3];
  v5[i] = mix(mix(v0[kept + at2.x + at3.x], v0[kept + at2.x + at3.y], share3), mix(v0[kept + at2.y + at3.x], v0[kept + at2.y + at3.y], share3), share2);
}
