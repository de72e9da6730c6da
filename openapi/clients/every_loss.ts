// Calls every loss of a running service through both TypeScript clients, with its card's example and with the requests of a file, and one that
// wants a token; prints one line of JSON. Arguments: address, file, address that wants the token, token.
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./fetch/schema.d.ts";
import { client as hey } from "./hey/client.gen";
import * as sdk from "./hey/sdk.gen";
import { createClient as createHey } from "./hey/client";
import type { SmoothL1Request } from "./hey/types.gen";
import { floatsOf, tensorOf } from "./tensors";

const [baseUrl, file, guarded, token] = process.argv.slice(2);
const api = createClient<paths>({ baseUrl });
hey.setConfig({ baseUrl });

// What a person would write: it is here for the type checker, and for numbers that must survive. -0 does not: JSON.stringify makes it 0.
const numbers = [5e-324, 1.7976931348623157e308, 0.1, 1 / 3, 2.2250738585072014e-308, 1e20, -123456789012345680000, -Math.PI];

async function survive(): Promise<Record<string, boolean>> {
  const shape = [numbers.length];
  const zeros = { shape, data: numbers.map(() => 0) };
  const body: components["schemas"]["MeanAbsoluteErrorRequest"] & SmoothL1Request = {
    predictions: zeros,
    labels: zeros,
    reduction: "none",
    cotangent: { shape, data: numbers },
  };
  body.predictions = { shape, data: numbers.map(() => 1) };
  const first = await api.POST("/loss/mean_absolute_error", { body });
  const second = await sdk.meanAbsoluteError({ body, throwOnError: true });
  const same = (found: number[] | undefined) => numbers.every((sent, i) => Object.is(sent, found?.[i]));
  return { fetch: same(first.data?.gradients?.predictions?.data), hey: same(second.data.gradients?.predictions?.data) };
}

// Generators write wasserstein_1d their way.
const plain = (name: string) => name.replaceAll("_", "").toLowerCase();
const methods = new Map(Object.entries(sdk).map(([name, method]) => [plain(name), method as typeof sdk.smoothL1]));

async function call(name: string, request: unknown): Promise<unknown[]> {
  const body = request as never;
  const first = await api.POST(`/loss/${name}` as "/loss/smooth_l1", { body });
  const second = await methods.get(plain(name))!({ body });
  return [first.data ?? first.error, second.data ?? second.error];
}

// Numbers by base64, which keeps the sign of -0 too.
async function returned(): Promise<Record<string, boolean>> {
  const sent = Float64Array.of(...numbers, -0);
  const shape = [sent.length];
  const predictions = tensorOf(new Float64Array(sent.length).fill(1), shape);
  const body: components["schemas"]["MeanAbsoluteErrorRequest"] = {
    predictions,
    labels: tensorOf(new Float64Array(sent.length), shape),
    reduction: "none",
    cotangent: tensorOf(sent, shape),
  };
  const first = await api.POST("/loss/mean_absolute_error", { body });
  const second = await sdk.meanAbsoluteError({ body, throwOnError: true });
  const same = (found: Float64Array) => sent.every((number, i) => Object.is(number, found[i]));
  return { fetch: same(floatsOf(first.data!.gradients!.predictions!)), hey: same(floatsOf(second.data.gradients!.predictions!)) };
}

async function admitted(): Promise<Record<string, number | undefined>> {
  const body = { predictions: { shape: [2], data: [3, 3] }, labels: { shape: [2], data: [0, 0] } };
  const authorized = createClient<paths>({ baseUrl: guarded, headers: { Authorization: `Bearer ${token}` } });
  const first = await authorized.POST("/loss/smooth_l1", { body });
  const second = await sdk.smoothL1({ body, client: createHey({ baseUrl: guarded, auth: token }) });
  return { fetch: first.data?.value, hey: second.data?.value };
}

async function main(): Promise<void> {
  const { data: cards, error } = await api.GET("/loss");
  if (!cards) throw new Error(`no catalogue: ${JSON.stringify(error)}`);
  const answers: Record<string, unknown[]> = {};
  for (const { name, example } of cards) answers[name] = await call(name, example.request);
  const compact: Record<string, unknown[]> = {};
  for (const [name, request] of Object.entries(JSON.parse(readFileSync(file, "utf8")))) compact[name] = await call(name, request);
  console.log(JSON.stringify({ answers, compact, survived: await survive(), returned: await returned(), admitted: await admitted() }));
}

void main();
