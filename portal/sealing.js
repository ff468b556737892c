// The sealing step of a to-do: a seal and a way to sign are chosen, the holder's key signs what the server prepared, the
// server verifies. Keys never come here.

// A CA's own script may offer window.luochuiSigner = {sign(base64)}: a promise of {certificate, signature}, base64 of DER,
// SM2 with SM3 over the decoded bytes, identifier 1234567812345678. Without one the holder signs with a tool of their own.
function sealing(todo, done) {
  const box = element('fieldset');
  box.append(element('legend', '电子签章'));
  const seals = element('select', '', {name: 'seal'});
  const ways = element('select', '', {name: 'provider'});
  const file = element('input', '', {type: 'file', accept: '.esl'});
  const rest = element('div');
  box.append(element('label', '印章'), seals, element('label', '签章方式'), ways);
  box.append(element('label', '没有列出的印章可以导入（.esl）'), file, rest);

  async function fill() {
    const own = await call('GET', '/seals');
    seals.replaceChildren(...own.items.map((one) => element('option', one.name + (one.mark ? '（' + one.mark + '）' : ''), {value: one.id})));
    ways.replaceChildren(...own.providers.map((one) => element('option', one.title, {value: one.name})));
  }

  file.addEventListener('change', async () => {
    try {
      const bytes = new Uint8Array(await file.files[0].arrayBuffer());
      let text = '';
      bytes.forEach((byte) => (text += String.fromCharCode(byte)));
      const seal = btoa(text);
      await call('POST', '/seals', {seal}, {'Idempotency-Key': freshKey()});
      await fill();
      say('印章已导入。', 'done');
    } catch (error) {
      say(error.message, 'error');
    }
  });

  async function signed(job, answer) {
    await call('POST', '/sealings/' + job.id, answer);
    done();
  }

  // By hand: what is to be signed is shown, and what a tool made of it is pasted.
  function byHand(job) {
    const certificate = element('textarea', '', {placeholder: '签名证书（PEM 或 base64）'});
    const value = element('input', '', {placeholder: '签名值（base64）'});
    const send = element('button', '交回签名', {type: 'button'});
    send.onclick = () => signed(job, {certificate: certificate.value, signature: value.value}).catch((error) => say(error.message, 'error'));
    const shownBytes = element('textarea', job.to_sign, {readOnly: true});
    rest.replaceChildren(element('p', '没有检测到证书介质。请用签名工具对下列数据（base64）签名：', {className: 'small'}), shownBytes, certificate, value, send);
  }

  async function wait(job) {
    rest.replaceChildren(element('p', '请在手机上完成签章：' + (job.address || ''), {className: 'small'}));
    for (let now = job; now.state !== 'verified'; now = await call('GET', '/sealings/' + job.id)) {
      if (now.state === 'failed' || now.state === 'expired') throw new Error('签章没有完成，请重新发起');
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
    done();
  }

  async function start() {
    if (!seals.value) throw new Error('请先导入印章');
    const body = {seal: seals.value, provider: ways.value};
    say('正在签章…');
    const job = await call('POST', `/todos/${todo.id}/sealing`, body, {'Idempotency-Key': freshKey()});
    if (job.state === 'verified') return done();
    say('');
    if (ways.value === 'sharing') return wait(job);
    if (window.luochuiSigner) return signed(job, await window.luochuiSigner.sign(job.to_sign));
    return byHand(job);
  }

  fill().catch((error) => say(error.message, 'error'));
  return {node: box, start};
}
