/** AttributeProto -> Attr. */
import { ModelError } from "../../runtime/model/errors.ts";
import type { Attr } from "../../runtime/model/graph.ts";
import type { AttributeProto } from "./onnx_pb.ts";
import { attributeTypes, nameIn } from "./onnx-types.ts";
import { type External, importTensor, narrow } from "./tensor.ts";

/** Throws a ModelError, starting with `what`, on a kind that a Graph cannot hold: subgraphs, sparse tensors, types. */
export function importAttr(proto: AttributeProto, what: string, external?: External): Attr {
  const place = `${what}: attribute "${proto.name}"`;
  switch (proto.type) {
    case attributeTypes.float:
      return proto.f;
    case attributeTypes.int:
      return narrow(proto.i, place);
    case attributeTypes.string:
      return text(proto.s);
    case attributeTypes.floats:
      return proto.floats;
    case attributeTypes.ints:
      return proto.ints.map((value) => narrow(value, place));
    case attributeTypes.strings:
      return proto.strings.map(text);
    case attributeTypes.tensor:
      if (!proto.t) throw new ModelError(`${place} is said to be a tensor, but holds none`);
      return importTensor(proto.t, place, external);
  }
  throw new ModelError(
    `${place} is of kind ${nameIn(attributeTypes, proto.type)}, which is not supported; supported: numbers, strings and tensors`,
  );
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
