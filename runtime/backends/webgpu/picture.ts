/**
 * Pictures as inputs, without a way through the CPU: a kernel reads the frame of a camera where it lies, or a bitmap from
 * a texture, and writes the input that pixels.ts would have made of it.
 */
import type { SentImage } from "../../model/image.ts";
import { placesOf } from "../../model/pixels.ts";
import { type Gpu, pipelineOf } from "./device.ts";

/** What makes one input of a run. */
export interface Painting {
  readonly input: string;
  readonly pipeline: GPUComputePipeline;
  readonly resources: readonly GPUBindingResource[]; // at the bindings from 1 on
  readonly workgroups: readonly [number, number, number];
}

export interface Painter {
  /** Undefined where the GPU cannot read such a picture. Throws a ModelError where the input is no picture. */
  paint(image: SentImage): Promise<Painting | undefined>;
  destroy(): void;
}

// The numbers of GPUBufferUsage and GPUTextureUsage.
const usage = { copyDst: 8, uniform: 64 };
const textureUsage = { copyDst: 2, textureBinding: 4, renderAttachment: 16 };

/** Keeps a texture and a buffer for each input, for the next picture of the same size. */
export function makePainter(gpu: Gpu): Painter {
  const { device } = gpu;
  const textures = new Map<string, GPUTexture>();
  const buffers = new Map<string, GPUBuffer>();

  /** A texture of the size, with the bitmap in it. */
  function copied(input: string, bitmap: ImageBitmap): GPUTexture {
    const size = [bitmap.width, bitmap.height];
    let texture = textures.get(input);
    if (texture?.width !== size[0] || texture.height !== size[1]) {
      texture?.destroy();
      const { copyDst, textureBinding, renderAttachment } = textureUsage;
      const use = copyDst | textureBinding | renderAttachment;
      texture = device.createTexture({ size, format: "rgba8unorm", usage: use });
      textures.set(input, texture);
    }
    device.queue.copyExternalImageToTexture({ source: bitmap }, { texture }, size);
    return texture;
  }

  /** What the kernel binds as the picture; undefined where it has to be read by the CPU. */
  function source(input: string, picture: SentImage["picture"]): GPUBindingResource | undefined {
    if ("data" in picture) return undefined; // it lies in the CPU's memory
    try {
      if (!("displayWidth" in picture)) {
        const isSmall = Math.max(picture.width, picture.height) <= device.limits.maxTextureDimension2D;
        return isSmall ? copied(input, picture).createView() : undefined;
      }
      const { visibleRect, displayWidth, displayHeight } = picture;
      const isSquare = visibleRect?.width === displayWidth && visibleRect.height === displayHeight;
      return isSquare ? device.importExternalTexture({ source: picture }) : undefined;
    } catch {
      return undefined; // not every browser has importExternalTexture, or takes every frame
    }
  }

  return {
    async paint({ picture, input, options }) {
      const isFrame = "displayWidth" in picture;
      const width = isFrame ? picture.displayWidth : picture.width;
      const height = isFrame ? picture.displayHeight : picture.height;
      const places = placesOf({ width, height }, input, options);
      const pipeline = await pipelineOf(gpu, pictureKernel(isFrame, input.dtype === "uint8"), {});
      const resource = source(input.name, picture);
      if (!resource) return undefined;
      const { from, to, channels, rows, columns, strides, scale, pad, mean, std } = places;
      const four = (values: readonly number[]) => [...values, 0, 0, 0].slice(0, 4);
      const numbers = Float32Array.of(
        ...[from.x, from.y, from.width, from.height],
        ...[to.x, to.y, to.width, to.height],
        ...four(mean),
        ...four(std),
        ...four([scale, pad]),
        ...four([columns, rows, channels]),
        ...four([strides.column, strides.row, strides.channel]),
      );
      const buffer =
        buffers.get(input.name) ??
        device.createBuffer({ size: numbers.byteLength, usage: usage.uniform | usage.copyDst });
      buffers.set(input.name, buffer);
      device.queue.writeBuffer(buffer, 0, numbers);
      const workgroups = [Math.ceil(columns / 8), Math.ceil(rows / 8), 1] as const;
      return { input: input.name, pipeline, resources: [resource, { buffer }], workgroups };
    },
    destroy() {
      for (const kept of [...textures.values(), ...buffers.values()]) kept.destroy();
    },
  };
}

/** All numbers of a picture are floats: whole ones up to 2^24 are exact. */
export function pictureKernel(isFrame: boolean, isByte: boolean): string {
  return `struct Places {
  seen: vec4<f32>, // x, y, width, height of the part of the picture
  filled: vec4<f32>, // and of the part of the input that it fills
  mean: vec4<f32>,
  deviation: vec4<f32>,
  bytes: vec4<f32>, // scale, pad
  size: vec4<f32>, // columns, rows, channels
  strides: vec4<f32>, // of these
}

@group(0) @binding(0) var<storage, read_write> y: array<${isByte ? "i32" : "f32"}>;
@group(0) @binding(1) var picture: ${isFrame ? "texture_external" : "texture_2d<f32>"};
@group(0) @binding(2) var<uniform> places: Places;

fn bytes(x: f32, y: f32) -> vec4<f32> {
  return floor(textureLoad(picture, vec2<i32>(i32(x), i32(y))${isFrame ? "" : ", 0"}) * 255.0 + 0.5);
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
    y[first + c * u32(places.strides.z)] = ${isByte ? "i32(floor(value[c] + 0.5)) & 255" : "value[c]"};
  }
}`;
}
