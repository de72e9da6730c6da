import type { Tensor } from "./hey/types.gen";

export function tensorOf(values: Float64Array, shape: number[]): Tensor {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return { shape, dtype: "float64", base64: bytes.toString("base64") };
}

export function floatsOf(tensor: Tensor): Float64Array {
  return new Float64Array(Uint8Array.from(Buffer.from(tensor.base64 ?? "", "base64")).buffer);
}
