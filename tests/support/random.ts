/** Random numbers that are the same in every run. */

/** Numbers from 0 (included) to 1 (excluded), by a xorshift generator. */
export function createRandom(seed: number): () => number {
  let state = (seed * 2654435761 >>> 0) || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** Doubles as metrics have them and as they hurt: tenths, tiny, huge, integers, any digits, any sign. */
export function randomDoubles(count: number, seed: number): number[] {
  const random = createRandom(seed);
  const shapes: readonly (() => number)[] = [
    () => 0.1,
    () => 1e-9,
    () => 1e15,
    () => Math.floor(random() * 2 ** 40),
    () => random(),
    () => (random() + random() * 2 ** -32) * 2 ** Math.floor(random() * 100 - 50),
  ];
  return Array.from({ length: count }, () => {
    const shape = shapes[Math.floor(random() * shapes.length)] as () => number;
    return random() < 0.3 ? -shape() : shape();
  });
}
