/** An app whose code is in a worker already: there the model runs too, without another one. */
globalThis.job = ({ values }) => {
  const worker = new Worker(new URL("./app-worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error ? reject(new Error(data.error)) : resolve(data));
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(values);
  });
};
