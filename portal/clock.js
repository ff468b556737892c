// The server's time, whatever this machine's clock says and however long it slept. The recipe stands in docs/live.md.
'use strict';

const clock = (() => {
  // The server's time is performance.now() + offset; null while it is not known.
  let offset = null;
  // Rises whenever a measurement begins: one that began before counts no more, wherever it hangs.
  let era = 0;
  let seen = {wall: Date.now(), run: performance.now()};
  // How long one sample may take, in milliseconds. A slower one would be worth nothing.
  const PATIENCE = 3000;

  async function sample() {
    const sent = performance.now();
    const response = await fetch('/api/v1/time', {cache: 'no-store', signal: AbortSignal.timeout(PATIENCE)});
    if (!response.ok) throw new Error('time');
    const now = (await response.json()).now;
    const come = performance.now();
    return {trip: come - sent, offset: now - (sent + come) / 2};
  }

  // The shortest of several round trips is off by half of itself at most.
  async function measure() {
    let best = null;
    for (let count = 0; count < 5; count++) {
      const one = await sample();
      if (best === null || one.trip < best.trip) best = one;
    }
    return best.offset;
  }

  // Begins to measure, and gives up what was being measured: it may have been on its way since before the machine slept.
  function sync() {
    const own = ++era;
    const done = (measured) => { if (own === era) offset = measured; };
    const failed = () => setTimeout(() => own === era && offset === null && sync(), 1000);
    measure().then(done, failed);
  }

  function lost() {
    offset = null;
    sync();
  }

  // A machine that sleeps may stop performance.now() and not Date, or the other way round; a person may set the clock.
  // Where the two do not agree, or nothing ran for long, what was measured counts no more.
  function check() {
    const wall = Date.now();
    const run = performance.now();
    const gap = run - seen.run;
    const apart = Math.abs((wall - seen.wall) - gap);
    seen = {wall, run};
    if (apart > 500 || gap > 3000) lost();
  }

  setInterval(check, 250);
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && sync());
  window.addEventListener('pageshow', sync);
  window.addEventListener('online', sync);

  return {
    sync,
    // The server's time in milliseconds, or null while it is being measured.
    now: () => (offset === null ? null : performance.now() + offset),
    // Something happened at this time of the server's: it cannot lie ahead.
    reached: (time) => {
      if (offset !== null && time - performance.now() - offset > 1500) lost();
    },
    // The server has just said its time. A difference beyond any way of the message is measured.
    heard: (time) => {
      if (offset !== null && Math.abs(performance.now() + offset - time) > 1500) lost();
    },
  };
})();
