export async function onnxTests(_json?: string): Promise<boolean> {
  return false;
}
