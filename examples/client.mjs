// Gradient descent on two numbers, with the gradient from the service: node examples/client.mjs http://127.0.0.1:8000
const address = process.argv[2] ?? "http://127.0.0.1:8000";

async function loss(name, body) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${address}/loss/${name}`, { method: "POST", headers, body: JSON.stringify(body) });
  const found = await answer.json();
  if (!answer.ok) throw new Error(`${found.status} ${found.title}: ${found.detail}`);
  return found;
}

const labels = [1, -2];
let predictions = [0, 0];
for (let step = 0; step < 50; step++) {
  const { value, gradients } = await loss("mean_squared_error", { predictions, labels });
  predictions = predictions.map((x, i) => x - 0.2 * gradients.predictions[i]);
  if (step % 10 === 0) console.log(step, value);
}
console.log("predictions", predictions);

await loss("mean_squared_eror", { predictions, labels }).catch((error) => console.log(error.message));
