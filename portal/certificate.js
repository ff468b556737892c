// Certificates in the browser: one interface over a CA's middleware, a phone and the test key, and the calls that they answer.
// Keys never come here: whatever signs gives a certificate and a signature, both in base64.
//
// An adapter is {name, list(), sign(choice, text)}:
//   list()              Promise of [{id, title}], the signing certificates at hand
//   sign(choice, text)  Promise of {certificate, signature}: base64 of DER; SM2 with SM3, identifier 1234567812345678
'use strict';

const Certificates = (() => {
  const api = '/api/v1';

  // How long an answer is waited for, in milliseconds.
  const PATIENCE = 15000;

  async function call(method, path, body) {
    let response;
    let answer;
    try {
      response = await fetch(api + path, {
        method,
        headers: Object.assign({'Accept-Language': 'zh-CN'}, body === undefined ? {} : {'Content-Type': 'application/json'}),
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE),
      });
      answer = response.status === 204 ? {} : await response.json();
    } catch (error) {
      throw Object.assign(new Error('网络不通，请检查网络后再试'), {lost: true});
    }
    if (!response.ok) throw new Error(told(answer));
    return Object.assign(answer, {status_code: response.status});
  }

  // A question that is asked again and again: an answer that was lost is one that has not come yet.
  const missed = (error) => {
    if (!error.lost) throw error;
    return {status_code: 0};
  };

  // A refusal in the words of its problem: what to do, whom to ask, until when.
  function told(problem) {
    const parts = [problem.title, problem.detail];
    if (problem.authority) parts.push('发证机构：' + problem.authority);
    if (problem.contact) parts.push('联系方式：' + problem.contact);
    if (problem.cut_off) parts.push('截止日期：' + problem.cut_off);
    return parts.filter(Boolean).join('；');
  }

  // The functions of GB/T 43694 (SOF_*), as the object of a CA's own script offers them; each may return a value or a promise.
  function middleware(sof, name) {
    return {
      name: name || '数字证书介质',
      async list() {
        // "name||container&&&name||container&&&"
        const users = String(await sof.SOF_GetUserList());
        return users.split('&&&').filter(Boolean).map((user) => {
          const [title, container] = user.split('||');
          return {id: container || title, title};
        });
      },
      async sign(choice, text) {
        const certificate = await sof.SOF_ExportUserCert(choice);
        // The middleware asks for the PIN itself where it has not been given yet.
        const signature = await sof.SOF_SignData(choice, text);
        if (!certificate || !signature) throw new Error('介质没有给出签名：' + (await lastError(sof)));
        return {certificate, signature};
      },
    };
  }

  async function lastError(sof) {
    return sof.SOF_GetLastErrMsg ? await sof.SOF_GetLastErrMsg() : '未说明原因';
  }

  // The test key that a server for development holds; a server for production knows no such address.
  function softToken() {
    return {
      name: '软证书（测试签章 无法律效力）',
      soft: true,
      list: async () => (await call('GET', '/soft-token')).items,
      sign: (choice, text) => call('POST', '/soft-token/sign', {id: choice, text}),
    };
  }

  async function softTokenThere() {
    const response = await fetch(api + '/soft-token', {signal: AbortSignal.timeout(PATIENCE)}).catch(() => ({ok: false}));
    return response.ok;
  }

  // A phone signs the text that a code on the page leads to: show({code, check}) draws it, show(null) takes it away.
  function phone(show) {
    return {
      name: '手机扫码',
      list: async () => [{id: 'phone', title: '手机中的证书'}],
      async sign(choice, text) {
        const drawn = await call('POST', '/auth/challenges', {purpose: 'event', text});
        const path = '/auth/challenges/' + drawn.id;
        show({code: api + path + '/code', check: drawn.check});
        try {
          for (;;) {
            await new Promise((resolve) => setTimeout(resolve, 1000));
            const answer = await call('POST', path + '/collect', {secret: drawn.secret}).catch(missed);
            if (answer.status_code === 200) return answer;
          }
        } finally {
          show(null);
        }
      },
    };
  }

  // What can sign on this machine: the middleware that a CA's own script leaves in window.caMiddleware (docs/certificates.md), and
  // the test key where there is one.
  async function atHand() {
    const found = {};
    for (const [name, sof] of Object.entries(window.caMiddleware || {})) found[name] = middleware(sof, name);
    if (await softTokenThere()) found.soft = softToken();
    return found;
  }

  const challenge = (purpose) => call('POST', '/auth/challenges', {purpose});

  async function answer(adapter, choice, purpose) {
    const drawn = await challenge(purpose);
    const {certificate, signature} = await adapter.sign(choice, drawn.text);
    const signed = {challenge: drawn.id, certificate, signature};
    return purpose === 'login' ? Object.assign(signed, {secret: drawn.secret}) : signed;
  }

  // Signs in and keeps the token where the other pages look for it.
  async function enter(adapter, choice) {
    return kept(await call('POST', '/auth/certificate', await answer(adapter, choice, 'login')));
  }

  function kept(signed) {
    session.keep(signed);
    return signed;
  }

  async function test(adapter, choice, seal) {
    const body = await answer(adapter, choice, 'test');
    return call('POST', '/auth/certificate/test', seal ? Object.assign(body, {seal}) : body);
  }

  // Shows a challenge to a phone and waits for its answer: show({code, check}), then the tokens.
  async function byPhone(show) {
    const drawn = await challenge('login');
    const path = '/auth/challenges/' + drawn.id;
    show({code: api + path + '/code', check: drawn.check});
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const answer = await call('POST', path + '/collect', {secret: drawn.secret}).catch(missed);
      if (answer.status_code === 200) return kept(answer);
    }
  }

  return {atHand, middleware, phone, enter, test, byPhone};
})();
