// Signs what a bidder sends from the room, with the certificate chosen there: the text of docs/api.md, through an adapter of
// certificate.js. Keys never come here. Must not decide whether a signature is needed: the room's rules say that.
'use strict';

const signing = (() => {
  let adapters = null;

  // As the server writes a payload: keys sorted, no spaces.
  function canonical(payload) {
    return JSON.stringify(Object.fromEntries(Object.keys(payload).sort().map((name) => [name, payload[name]])));
  }

  const text = (instance, event, seen, nonce, payload) =>
    ['LUOCHUI-EVENT-V1', instance, event, seen, nonce, canonical(payload)].join('|');

  // What stands beside a payload whose sender holds the chosen key. The nonce is the command's key: a copy is good for nothing.
  async function over(instance, event, nonce, payload) {
    const adapter = adapters === null ? undefined : adapters[at('signer').value];
    const choice = at('signer_certificate').value;
    if (adapter === undefined || !choice) throw new Error('本场报价须签名：请插入证书介质并在“报价签名”中选择证书');
    const seen = room.number ?? 0;
    say('请在证书介质上确认签名…');
    const {certificate, signature} = await adapter.sign(choice, text(instance, event, seen, nonce, payload));
    return {certificate, value: signature, nonce, seen};
  }

  function show(code) {
    at('signer_phone').hidden = code === null;
    if (code === null) return;
    at('signer_code').src = code.code;
    at('signer_check').textContent = code.check;
    say('请用手机签名…');
  }

  async function chosen() {
    const adapter = adapters[at('signer').value];
    const held = adapter === undefined ? [] : await adapter.list();
    at('signer_certificate').replaceChildren(...held.map((one) => element('option', one.title, {value: one.id})));
    at('signer_soft').hidden = !(adapter && adapter.soft);
  }

  const guarded = (work) => work().catch((error) => say(error.message, 'error'));

  // Fills in what is at hand, once.
  async function prepare() {
    if (adapters !== null) return;
    adapters = {};
    const held = await Certificates.atHand();
    at('signer_none').hidden = Object.keys(held).length > 0;
    adapters = Object.assign(held, {phone: Certificates.phone(show)});
    const options = Object.entries(adapters).map(([key, adapter]) => element('option', adapter.name, {value: key}));
    at('signer').replaceChildren(...options);
    at('signer').onchange = () => guarded(chosen);
    await chosen();
  }

  return {over, prepare: () => guarded(prepare)};
})();
