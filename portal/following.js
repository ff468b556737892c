// How the room hears what is published: by the stream, and by asking while the stream is refused or silent. Must not know what
// is published: room.js does, by `take` for one event and by `stand` for where all stands.
'use strict';

const following = (() => {
  // All in milliseconds. The server gives a sign of life every ten seconds.
  const ASK = 2000;
  const SILENT = 12000;
  const DEAD = 30000;
  const ANSWER = 5000;
  let stream = null;
  let heard = -Infinity;
  // The number up to which the stream has brought everything: from there the next one goes on.
  let last = null;
  let asking = false;
  // True while asking does what the stream does not.
  let asked = false;

  const quiet = () => stream === null || stream.readyState !== EventSource.OPEN || performance.now() - heard > SILENT;

  function tell() {
    at('link').textContent = !quiet() ? '' : asked ? '直播繁忙，每两秒刷新' : '连接中断，正在重新连接…';
  }

  // The browser connects again by itself and says what it saw last; where it gave up, or nothing is heard, we begin anew.
  function open() {
    const own = new EventSource(api + '/auctions/' + id + '/stream' + (last === null ? '' : '?after=' + last));
    const alive = (handle) => (event) => {
      if (own !== stream) return;
      heard = performance.now();
      asked = false;
      handle(JSON.parse(event.data));
      tell();
    };
    const numbered = (handle) => alive((event) => {
      last = event.number;
      handle(event);
    });
    stream = own;
    heard = performance.now();
    own.addEventListener('snapshot', numbered((event) => { clock.heard(event.now); stand(event); }));
    own.addEventListener('published', numbered(take));
    own.addEventListener('time', alive((event) => clock.heard(event.now)));
    own.addEventListener('dropped', alive(() => {}));
    own.addEventListener('closing', alive(() => {}));
    own.addEventListener('error', () => own.readyState === EventSource.CLOSED && ask());
  }

  function watch() {
    tell();
    if (stream === null) return;
    const refused = stream.readyState === EventSource.CLOSED;
    if (!refused && performance.now() - heard < DEAD) return;
    stream.close();
    stream = null;
    // Who was refused for want of room comes back later than who heard nothing.
    setTimeout(open, (refused ? 3000 : 0) + Math.random() * 3000);
  }

  async function ask() {
    if (asking || !quiet()) return;
    asking = true;
    const sent = performance.now();
    try {
      const now = await call('GET', '/auctions/' + id, undefined, undefined, ANSWER);
      asked = true;
      if (performance.now() - sent < 1000) clock.heard(now.now);
      if (room.number === null || now.number > room.number) stand(now);
    } catch (error) {
      asked = false;
    }
    asking = false;
    tell();
  }

  return {
    begin() {
      open();
      setInterval(watch, 1000);
      setInterval(ask, ASK);
    },
  };
})();
