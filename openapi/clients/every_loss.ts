// Calls every loss of a running service with its card's example, through both TypeScript clients, and prints one line of JSON.
import createClient from "openapi-fetch";
import type { components, paths } from "./fetch/schema.d.ts";
import { client as hey } from "./hey/client.gen";
import * as sdk from "./hey/sdk.gen";
import type { SmoothL1Request } from "./hey/types.gen";

const baseUrl = process.argv[2];
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

async function main(): Promise<void> {
  const { data: cards, error } = await api.GET("/loss");
  if (!cards) throw new Error(`no catalogue: ${JSON.stringify(error)}`);
  const answers: Record<string, unknown[]> = {};
  for (const { name, example } of cards) {
    const body = example.request as never;
    const first = await api.POST(`/loss/${name}` as "/loss/smooth_l1", { body });
    const second = await methods.get(plain(name))!({ body });
    answers[name] = [first.data ?? first.error, second.data ?? second.error];
  }
  console.log(JSON.stringify({ answers, survived: await survive() }));
}

void main();
