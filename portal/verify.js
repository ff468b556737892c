// Sends a file to be verified and shows each step as it was judged. Decides nothing itself.
'use strict';

const form = document.getElementById('upload');
const message = document.getElementById('message');
const result = document.getElementById('result');
const MARKS = {ok: ['✓ 通过', 'done'], warning: ['！注意', 'warned'], failed: ['✗ 未通过', 'error']};
const PICTURES = {png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', bmp: 'image/bmp'};

function element(name, text, attributes) {
  const made = document.createElement(name);
  if (text) made.textContent = text;
  return Object.assign(made, attributes);
}

function moment(millis) {
  return new Date(millis).toLocaleString('zh-CN', {timeZone: 'Asia/Shanghai'});
}

function steps(report) {
  const table = element('table');
  for (const step of report.steps) {
    const [word, kind] = MARKS[step.status];
    const row = element('tr');
    row.append(element('td', word, {className: kind}), element('td', step.reason), element('td', step.name, {className: 'small'}));
    table.append(row);
  }
  return table;
}

function seal(found) {
  const box = element('div');
  const kind = PICTURES[found.picture_kind];
  if (found.picture && kind) {
    box.append(element('img', '', {src: 'data:' + kind + ';base64,' + found.picture, width: 120, alt: found.name}));
  }
  const period = moment(found.valid_from) + ' 至 ' + moment(found.valid_until);
  box.append(element('p', '印章：' + found.name + '（' + found.id + '），制章人 ' + found.maker + '，有效期 ' + period, {className: 'small'}));
  if (found.test) box.append(element('p', '测试签章 无法律效力', {className: 'error'}));
  return box;
}

// What it comes to, for somebody who has never heard of a signature's steps.
function summary(answer) {
  const box = element('section', '', {id: 'summary'});
  const say = (text, kind) => box.append(element('p', text, {className: kind || ''}));
  const of = (report, status) => report.steps.filter((step) => step.status === status).map((step) => step.reason);
  const who = (signature) => signature.signer || '签章人未知';
  const parts = [['文件', answer.report], ...answer.signatures.map((one) => ['签章 ' + one.number + '（' + who(one) + '）', one.report])];
  const listed = (status) => {
    const whose = new Map();
    for (const [name, report] of parts) {
      for (const reason of of(report, status)) whose.set(reason, (whose.get(reason) || new Set()).add(name));
    }
    const list = element('ul');
    for (const [reason, names] of whose) list.append(element('li', [...names].join('、') + '：' + reason));
    return list;
  };
  if (answer.verdict === 'valid') {
    for (const signature of answer.signatures) {
      say(who(signature) + ' 于 ' + moment(signature.at) + ' 签章。', 'done');
    }
    const doubtful = answer.signatures.some((one) => of(one.report, 'warning').some((reason) => reason.includes('吊销')));
    const certificates = doubtful ? '签章人的证书是否被吊销没有完全核对，见下。' : '签章人的证书在签章时有效。';
    say(answer.signatures.length ? '签章后文件未被改动。' : '印章由其制章人签发，没有被改动。', 'done');
    if (answer.signatures.length) say(certificates, doubtful ? 'warned' : 'done');
  } else if (answer.verdict === 'invalid') {
    say('请不要相信这份文件上的签章：文件在签章后可能被改动，或签章不是其所称的人所作。请向出具文件的单位核实。原因：', 'error');
    box.append(listed('failed'));
  } else if (answer.verdict === 'undetermined') {
    say('不能确定这份文件上的签章是否有效：现有材料既不能证明它有效，也不能证明它无效。请向出具文件的单位核实。原因：', 'error');
    box.append(listed('warning'));
  } else {
    say('这份文件里没有可以验证的电子签章。这既不说明文件是真的，也不说明是假的。');
    box.append(listed('failed'));
  }
  if (answer.signatures.some((one) => one.test) || (answer.seal && answer.seal.test)) {
    say('这是用测试证书作的签章，没有法律效力，不能用于任何正式用途。', 'error');
  }
  const notes = listed('warning');
  if (notes.children.length && answer.verdict === 'valid') {
    say('需要注意：', 'warned');
    box.append(notes);
  }
  return box;
}

// The steps one by one: open at once only where one of them failed.
function detailed(report) {
  const box = element('details', '', {open: report.steps.some((step) => step.status === 'failed')});
  box.append(element('summary', '逐项核对（' + report.steps.length + ' 项）'), steps(report));
  return box;
}

function show(answer) {
  result.replaceChildren();
  const test = answer.signatures.some((one) => one.test) || (answer.seal && answer.seal.test);
  const kind = {valid: test ? 'warned' : 'done', undetermined: 'error', invalid: 'error', unsigned: 'error'}[answer.verdict];
  result.append(element('h2', answer.conclusion, {className: kind, id: 'conclusion'}));
  if (answer.seal) result.append(seal(answer.seal));
  result.append(summary(answer));
  if (answer.report.steps.length) result.append(detailed(answer.report));
  for (const signature of answer.signatures) {
    const at = signature.at ? '，' + moment(signature.at) : '';
    result.append(element('h2', '签章 ' + signature.number + '：' + (signature.signer || '签章人未知') + at));
    if (signature.seal) result.append(seal(signature.seal));
    result.append(detailed(signature.report));
  }
  if (answer.platform.steps.length) result.append(element('h2', '与平台保存的文书比对'), steps(answer.platform));
  result.append(element('p', '上传文件的 SM3：' + answer.sm3, {className: 'small digest'}));
  result.append(element('p', '“通过”表示签名与文件在技术上相符；法律效力还取决于证书由谁签发、密钥由谁掌管。', {className: 'small'}));
  result.hidden = false;
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  message.textContent = '正在验证…';
  message.className = '';
  result.hidden = true;
  try {
    const query = new URLSearchParams(location.search);
    const asked = new URLSearchParams();
    const paper = location.pathname.split('/')[2];
    if (paper) asked.set('document', paper);
    if (paper && query.get('h')) asked.set('h', query.get('h'));
    const body = new FormData();
    body.append('file', form.file.files[0]);
    const text = asked.toString();
    const response = await fetch('/api/v1/verify' + (text ? '?' + text : ''), {method: 'POST', body});
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.title + (answer.detail ? '：' + answer.detail : ''));
    show(answer);
    message.textContent = '';
  } catch (error) {
    message.textContent = error.message;
    message.className = 'error';
  }
});

if (location.pathname.split('/')[2]) {
  const about = document.getElementById('about');
  about.textContent = '二维码只指明文书，不证明任何内容。请上传收到的文件：验证以上传的文件为准，并与平台以此编号保存的文书比对。' + about.textContent;
}
