// Who is signed in: keeps the tokens in this tab, and renews them before they end. Knows no page and shows nothing.
'use strict';

const session = (() => {
  // With this part of its life left a token is renewed: long before a bid would meet its end.
  const LEFT = 1 / 3;
  // How long a renewal may take, in milliseconds.
  const PATIENCE = 10000;
  const OVER = ['unauthenticated', 'token_expired'];
  const read = (name) => sessionStorage.getItem(name);
  // How soon a renewal that got no answer is tried again, in milliseconds: twice as late each time.
  const AGAIN = 3000;
  const SELDOM = 15000;
  // For so long; the server gives an answer that was lost again within a minute. Later it would take the token for stolen, so what
  // is left of the access token is used first.
  const STUBBORN = 50000;
  // A tab that was duplicated holds the same tokens: what one of them renews, the other takes over. Two that went on with the
  // same refresh token would look like a theft to the server, which then ends the session of both.
  const others = new BroadcastChannel('luochui-session');
  let renewing = null;
  // Since when renewals get no answer, and how often.
  let unanswered = null;

  function keep(signed) {
    sessionStorage.setItem('token', signed.access_token);
    if (!signed.refresh_token) return;
    sessionStorage.setItem('refresh', signed.refresh_token);
    sessionStorage.setItem('renew_at', String(Date.now() + signed.expires_in * 1000 * (1 - LEFT)));
  }

  function forget() {
    for (const name of ['token', 'refresh', 'renew_at']) sessionStorage.removeItem(name);
    window.dispatchEvent(new Event('forgotten'));
  }

  // What the server wrote into the token.
  function claims() {
    const token = read('token');
    return token === null ? null : JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
  }

  const account = () => (claims() === null ? null : claims().sub);

  // When a renewal is tried again that got no answer.
  function later() {
    const now = Date.now();
    unanswered = {since: unanswered === null ? now : unanswered.since, times: unanswered === null ? 1 : unanswered.times + 1};
    const pause = Math.min(SELDOM, AGAIN * 2 ** (unanswered.times - 1));
    if (now + pause - unanswered.since < STUBBORN) return now + pause;
    return Math.max(now + SELDOM, claims().exp * 1000);
  }

  others.onmessage = ({data}) => {
    if (data.was === read('refresh')) keep(data.now);
  };

  async function exchange(held) {
    // Another tab may have renewed it while this one waited for its turn.
    if (held !== read('refresh')) return true;
    const response = await fetch('/api/v1/auth/refresh', {
      method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({refresh_token: held}),
      signal: AbortSignal.timeout(PATIENCE),
    });
    // Somebody signed in or out meanwhile: that counts.
    if (held !== read('refresh')) return true;
    if (!response.ok) {
      if (response.status === 401) forget();
      return false;
    }
    const now = await response.json();
    keep(now);
    others.postMessage({was: held, now});
    return true;
  }

  // True where there is a new access token.
  function renew() {
    const held = read('refresh');
    if (held === null) return Promise.resolve(false);
    if (renewing === null) {
      renewing = new Promise((done) => {
        const work = async () => {
          const renewed = await exchange(held).catch(() => false);
          if (renewed || read('refresh') === null) unanswered = null;
          else sessionStorage.setItem('renew_at', String(later()));
          done(renewed);
          // The other tabs hear of it before one of them has its turn.
          await new Promise((later) => setTimeout(later, 50));
        };
        if (navigator.locks) navigator.locks.request('luochui-session', work);
        else work();
      }).finally(() => { renewing = null; });
    }
    return renewing;
  }

  setInterval(() => {
    const at = read('renew_at');
    if (at !== null && renewing === null && Date.now() >= Number(at)) renew();
  }, 1000);

  return {
    keep,
    forget,
    renew,
    account,
    token: () => read('token'),
    // True while nobody has said that it is over.
    lasts: () => read('refresh') !== null,
    headers: () => (read('token') ? {Authorization: 'Bearer ' + read('token')} : {}),
    // True for an answer that says the sign-in is over, and not that a password or a signature was wrong.
    over: (status, problem) => status === 401 && OVER.includes(problem.code),
  };
})();
