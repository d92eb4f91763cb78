// The server has a fixed base URL. This module, loaded before it, gives it a fetch that goes to the service instead.
const plain = globalThis.fetch;
globalThis.fetch = (url, options) => {
  const { pathname, search } = new URL(url);
  return plain(process.env.PUNCTUAL_URL + pathname + search, options);
};
