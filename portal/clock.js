// The server's time, whatever this machine's clock says and however long it slept. The recipe stands in docs/live.md.
'use strict';

const clock = (() => {
  // The server's time is performance.now() + offset; null while it is not known.
  let offset = null;
  let syncing = null;
  // Rises whenever what was measured before counts no more.
  let era = 0;
  let seen = {wall: Date.now(), run: performance.now()};

  async function sample() {
    const sent = performance.now();
    const response = await fetch('/api/v1/time', {cache: 'no-store'});
    if (!response.ok) throw new Error('time');
    const now = (await response.json()).now;
    const come = performance.now();
    return {trip: come - sent, offset: now - (sent + come) / 2};
  }

  // The shortest of several round trips is off by half of itself at most.
  async function measure() {
    const begun = era;
    let best = null;
    for (let count = 0; count < 5; count++) {
      const one = await sample();
      if (best === null || one.trip < best.trip) best = one;
    }
    // What was measured in part before the machine slept is worth nothing.
    if (begun !== era) return measure();
    offset = best.offset;
  }

  function sync() {
    if (syncing === null) {
      const again = () => { syncing = null; setTimeout(() => offset === null && sync(), 1000); };
      syncing = measure().then(() => { syncing = null; }, again);
    }
    return syncing;
  }

  function lost() {
    era += 1;
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
