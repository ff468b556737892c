// A bidder's commands on their way: one at a time, each under one key until it is answered, however long that takes. Shows how
// it goes, and must not know what is sent: bidding.js does.
'use strict';

const command = (() => {
  // How long one attempt may take, in milliseconds. It may be short: the next one has the same key.
  const ATTEMPT = 5000;
  // Between two attempts, at most.
  const PAUSE = 3000;
  // How often one that was turned away at the door is tried again, where none before it can have come through.
  const TURNED_AWAY = 3;
  // How often running our server may say that it failed before the person is told to look for themselves; not where an attempt
  // got no answer at all, and may have been done.
  const FAILED = 5;
  let running = false;
  let sooner = () => {};

  window.addEventListener('online', () => sooner());

  function pause(millis) {
    return new Promise((done) => {
      const timer = setTimeout(done, millis);
      sooner = () => { clearTimeout(timer); done(); };
    });
  }

  // No two at once. What is typed meanwhile stays possible.
  function lock() {
    for (const button of at('desk').querySelectorAll('button:not(.plain)')) button.disabled = running;
  }

  // The server did not take it and did not look at it: too much at once, or a sign-in that is over.
  const outside = (error) => error.problem !== undefined && (error.status === 429 || error.problem.code === 'overloaded' || session.over(error.status, error.problem));
  // Nobody knows: no answer, none that can be read, or one by which the server knows no better.
  const unknown = (error) => error.problem === undefined || error.status >= 500;

  // The answer; or what the server refused it with. Another person who signs in in this tab must not send it.
  async function attempts(path, body, key) {
    const sender = session.account();
    let lost = false;
    let silent = false;
    let failed = 0;
    for (let count = 0; ; count++) {
      try {
        if (session.account() === sender) return await call('POST', path, body, {'Idempotency-Key': key}, ATTEMPT);
      } catch (error) {
        const again = outside(error) ? lost || (error.problem.code === 'overloaded' && count < TURNED_AWAY) : unknown(error);
        failed = error.status === 500 ? failed + 1 : 0;
        if (!again || (failed >= FAILED && !silent)) throw error;
        lost = lost || !outside(error);
        silent = silent || error.problem === undefined;
      }
      if (session.account() !== null && session.account() !== sender) {
        say('');
        throw Object.assign(new Error('已换人登录'), {superseded: true});
      }
      if (lost) say(session.account() === null ? '结果未知，请在下方登录，登录后继续核对…' : '结果未知，正在核对…请勿离开本页', 'warned');
      await pause(Math.min(PAUSE, 300 * (count + 1)));
    }
  }

  return {
    lock,
    running: () => running,
    async send(path, body, key) {
      running = true;
      lock();
      say('正在提交…');
      try {
        return await attempts(path, body, key);
      } finally {
        running = false;
        lock();
      }
    },
  };
})();
