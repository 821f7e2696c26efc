struct Places {
  seen: vec4<f32>, // x, y, width, height of the part of the picture
  filled: vec4<f32>, // and of the part of the input that it fills
  mean: vec4<f32>,
  deviation: vec4<f32>,
  bytes: vec4<f32>, // scale, pad
  size: vec4<f32>, // columns, rows, channels
  strides: vec4<f32>, // of these
}

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var picture: texture_external;
@group(0) @binding(2) var<uniform> places: Places;

fn bytes(x: f32, y: f32) -> vec4<f32> {
  return floor(textureLoad(picture, vec2<i32>(i32(x), i32(y))) * 255.0 + 0.5);
}

fn at(u: f32, v: f32) -> vec4<f32> {
  let last = vec2<f32>(textureDimensions(picture)) - 1.0;
  let place = clamp(vec2(u, v), vec2<f32>(), last);
  let a = floor(place);
  let b = min(a + 1.0, last);
  let share = place - a;
  let above = mix(bytes(a.x, a.y), bytes(b.x, a.y), share.x);
  let below = mix(bytes(a.x, b.y), bytes(b.x, b.y), share.x);
  return mix(above, below, share.y);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let pixel = vec2<f32>(id.xy);
  if (any(pixel >= places.size.xy)) { return; }
  let inside = pixel - places.filled.xy;
  var value = vec4<f32>(places.bytes.y);
  if (all(inside >= vec2<f32>()) && all(inside < places.filled.zw)) {
    let place = places.seen.xy + (inside + 0.5) * places.seen.zw / places.filled.zw - 0.5;
    value = at(place.x, place.y);
    if (places.size.z == 1.0) { value.x = dot(value.xyz, vec3(0.299, 0.587, 0.114)); }
  }
  value = (value * places.bytes.x - places.mean) / places.deviation;
  let first = dot(vec2<u32>(places.strides.xy), id.xy);
  for (var c = 0u; c < u32(places.size.z); c++) {
    y[first + c * u32(places.strides.z)] = value[c];
  }
}