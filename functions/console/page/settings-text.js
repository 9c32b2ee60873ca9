// The texts of the settings' form: English, 繁體中文, 简体中文, 日本語, side by side, so that a missing
// one is seen. % stands for a value.

const LANGUAGES = ['en', 'zh-Hant', 'zh-Hans', 'ja'];

const texts = {
  scope: ['Settings for', '設定對象', '设置对象', '設定の対象'],
  all: ['all bots', '所有機器人', '所有机器人', 'すべてのボット'],
  addBot: ['Add a bot (its ID)', '新增機器人（ID）', '添加机器人（ID）', 'ボットを追加（ID）'],
  removeBot: ['Remove what differs for %', '移除 % 的不同設定', '移除 % 的不同设置', '% の個別設定を削除'],
  add: ['Add', '新增', '添加', '追加'],
  addTo: ['%: add', '%：新增', '%：添加', '%：追加'],
  remove: ['Remove %', '移除 %', '移除 %', '% を削除'],
  set: ['Change', '變更', '更改', '変更'],
  setOf: ['Change: %', '變更：%', '更改：%', '変更：%'],
  asDefault: ['Default', '預設', '默认', '既定'],
  asForAll: ['As for all bots', '同所有機器人', '同所有机器人', 'すべてのボットと同じ'],
  back: ['%: back to "%"', '%：恢復「%」', '%：恢复“%”', '%：「%」に戻す'],
  otherwise: ['%: %', '%：%', '%：%', '%：%'],
  yes: ['Yes', '是', '是', 'はい'],
  no: ['No', '否', '否', 'いいえ'],
  always: ['always open', '全天候開放', '全天开放', '常に営業'],
  closed: ['closed', '休息', '休息', '休業'],
  nothing: ['nothing', '無', '无', 'なし'],
  range: ['% to %', '% 至 %', '% 至 %', '%～%'],
  everyLanguage: ['All languages', '所有語言', '所有语言', 'すべての言語'],
  language: ['Language (en, zh-TW, ja …)', '語言（en、zh-TW、ja…）', '语言（en、zh-TW、ja…）', '言語（en、zh-TW、ja…）'],
  placeholders: ['Filled in: %', '自動代入：%', '自动代入：%', '自動で入る項目：%'],
  list: ['Several with commas', '多個請用逗號分隔', '多个请用逗号分隔', '複数はコンマ区切り'],
  date: ['Date', '日期', '日期', '日付'],
  name: ['Name', '名稱', '名称', '名前'],

  save: ['Save', '儲存', '保存', '保存'],
  saved: ['Saved as version %. In force within a minute.', '已儲存為第 % 版，一分鐘內生效。', '已保存为第 % 版，一分钟内生效。', 'バージョン % として保存しました。1 分以内に有効になります。'],
  notSaved: ['Not saved: %', '未儲存：%', '未保存：%', '保存できませんでした：%'],
  version: ['Version %', '第 % 版', '第 % 版', 'バージョン %'],
  unreadable: ['What is stored cannot be read; saving replaces it: %', '無法讀取已儲存的設定；儲存後將取代：%', '无法读取已保存的设置；保存后将取代：%', '保存された設定を読めません。保存すると置き換わります：%'],
  fine: ['Nothing is wrong.', '沒有錯誤。', '没有错误。', '誤りはありません。'],
  wrong: ['To be mended before it can be saved: %', '儲存前須修正：% 項', '保存前须修正：% 项', '保存する前に直す箇所：% 件'],
  unchecked: ['Not checked: %', '未檢查：%', '未检查：%', '確認できませんでした：%'],

  preview: ['What users are told', '使用者會看到的訊息', '用户会看到的消息', 'ユーザーへの案内'],
  previewIn: ['In', '語言', '语言', '言語'],
  previewOld: ['As it was before the mistakes.', '這是出錯之前的內容。', '这是出错之前的内容。', '誤りが入る前の内容です。'],
  atOnce: ['at once', '立即', '立即', 'すぐに'],
  after: ['after %', '% 後', '% 后', '% 後'],
  opens: ['Next opening', '下次開放', '下次开放', '次の営業開始'],
  silent: ['Nothing.', '沒有訊息。', '没有消息。', '案内はありません。'],

  conflict: ['Somebody else has saved version % meanwhile. Yours is not saved; it is still here.', '其他人已儲存第 % 版。您的變更尚未儲存，仍保留在此。', '其他人已保存第 % 版。您的更改尚未保存，仍保留在此。', 'ほかの人がバージョン % を保存しました。あなたの変更は未保存で、ここに残っています。'],
  changes: ['What has changed', '變更內容', '更改内容', '変更点'],
  place: ['Setting', '設定', '设置', '設定'],
  before: ['Before', '之前', '之前', '変更前'],
  theirs: ['Now in force', '目前生效', '目前生效', '現在有効'],
  mine: ['Yours', '您的', '您的', 'あなた'],
  rebase: ['Put my changes onto it', '套用我的變更', '应用我的更改', '自分の変更を重ねる'],
  anew: ['Drop mine, start with theirs', '放棄我的，採用對方的', '放弃我的，采用对方的', '自分の変更を捨てて開き直す'],
  rebased: ['Your changes stand on version % now. Look at them, and save.', '您的變更已套用到第 % 版，請檢查後儲存。', '您的更改已应用到第 % 版，请检查后保存。', 'あなたの変更をバージョン % に重ねました。確認して保存してください。'],

  greeting: ['Greeting', '問候語', '问候语', '最初のあいさつ'],
  ownLanguage: ['Language where the user\'s is not known', '不知使用者語言時使用的語言', '不知用户语言时使用的语言', 'ユーザーの言語が不明なときの言語'],
  desk: ['Desk', '客服平台', '客服平台', '窓口'],
  desks: ['Desks in a row, in place of one', '依序嘗試的客服平台（取代單一平台）', '依次尝试的客服平台（取代单一平台）', '順に試す窓口（一つの代わりに）'],
  desk_patience_seconds: ['How long each of them is tried (s)', '每個平台嘗試多久（秒）', '每个平台尝试多久（秒）', '各窓口を試す時間（秒）'],
  desk_hours: ['When a desk of the row is attended', '各平台的服務時間', '各平台的服务时间', '各窓口の対応時間'],
  hours: ['Opening hours', '服務時間', '服务时间', '営業時間'],
  time_zone: ['Time zone', '時區', '时区', 'タイムゾーン'],
  weekly: ['Each week', '每週', '每周', '毎週'],
  exceptions: ['Days with hours of their own', '特定日期', '特定日期', '特定の日'],
  outside: ['Outside the hours', '非服務時間', '非服务时间', '営業時間外'],
  outsideText: ['Told outside the hours', '非服務時間的訊息', '非服务时间的消息', '営業時間外の案内'],
  waiting: ['While nobody answers', '無人回覆時', '无人回复时', '回答がない間'],
  texts: ['Told meanwhile', '等候時的訊息', '等待时的消息', '待ち時間の案内'],
  after_seconds: ['After (s)', '多久之後（秒）', '多久之后（秒）', '経過時間（秒）'],
  text: ['Text', '訊息', '消息', '案内文'],
  then: ['In the end', '最後', '最后', '最後に'],
  then_after_seconds: ['The end comes after (s)', '多久後到最後一步（秒）', '多久后到最后一步（秒）', '最後の段階までの時間（秒）'],
  farewell: ['Told when it ends', '結束時的訊息', '结束时的消息', '終了時の案内'],
  alarm_after_seconds: ['Alarm after (s; 0: never)', '多久後發出警報（秒；0：從不）', '多久后发出警报（秒；0：从不）', '警報までの時間（秒、0 はなし）'],
  idle: ['When one side falls silent', '一方沉默時', '一方沉默时', '一方が黙ったとき'],
  user: ['The user does not answer', '使用者未回覆', '用户未回复', 'ユーザーが答えない'],
  agent: ['The agent does not answer', '客服人員未回覆', '客服人员未回复', '担当者が答えない'],
  warn_after_seconds: ['Warning after (s; 0: never)', '多久後提醒（秒；0：從不）', '多久后提醒（秒；0：从不）', '警告までの時間（秒、0 はなし）'],
  warning: ['Warning', '提醒訊息', '提醒消息', '警告文'],
  end_after_seconds: ['End after (s; 0: never)', '多久後結束（秒；0：從不）', '多久后结束（秒；0：从不）', '終了までの時間（秒、0 はなし）'],
  message: ['Messages where nobody answers', '留言', '留言', '伝言'],
  messageText: ['Told that a message can be left', '請使用者留言的訊息', '请用户留言的消息', '伝言を促す案内'],
  messageFarewell: ['Told who has written nothing', '未留言者看到的訊息', '未留言者看到的消息', '何も書かなかった人への案内'],
  first_within_seconds: ['Time to begin (s)', '開始留言的時限（秒）', '开始留言的时限（秒）', '書き始めるまでの時間（秒）'],
  quiet_seconds: ['Whole after a pause of (s)', '停頓多久視為完成（秒）', '停顿多久视为完成（秒）', '完了とみなす間（秒）'],
  thanks: ['Thanks', '致謝訊息', '致谢消息', 'お礼'],
  agent_names: ['Tell users the agent\'s name', '向使用者顯示客服姓名', '向用户显示客服姓名', '担当者名をユーザーに伝える'],
  retry_age_seconds: ['How long an undelivered line is tried (s)', '未送達訊息重試多久（秒）', '未送达消息重试多久（秒）', '未配信の行を再試行する時間（秒）'],
  reply_max_chars: ['Longest line of an agent (characters)', '客服單則訊息上限（字）', '客服单条消息上限（字）', '担当者の一行の上限（文字）'],
  retention_days: ['How long conversations are kept (days)', '對話保留天數', '会话保留天数', '会話の保存日数'],

  '=message': ['The user may leave a message', '使用者可留言', '用户可留言', 'ユーザーが伝言を残せる'],
  '=refuse': ['GPTBots says that all are busy', 'GPTBots 告知全部忙線', 'GPTBots 告知全部忙线', 'GPTBots が混雑中と伝える'],
  '=keep_waiting': ['The user waits on', '使用者繼續等候', '用户继续等待', 'そのまま待つ'],
  '=end': ['The conversation ends', '結束對話', '结束会话', '会話を終える'],
};

/** What the server says is wrong, for readers of other languages than its own: the words of shared/src/settings. */
const problems = [
  [/^must be a whole number from (\d+) to (\d+)$/, ['須為 $1 至 $2 的整數', '须为 $1 至 $2 的整数', '$1 から $2 までの整数にしてください']],
  [/^must be a number.*/, ['須為數字', '须为数字', '数値にしてください']],
  [/^is not known.*/, ['不明的項目', '未知的项目', '不明な項目です']],
  [/^must not be empty$/, ['不可空白', '不能为空', '空にできません']],
  [/^is in the list already$/, ['重複', '重复', '重複しています']],
  [/^must be at most (\d+) characters long$/, ['最多 $1 字', '最多 $1 字', '$1 文字以内にしてください']],
  [/^must be at most (\d+)$/, ['最多 $1 項', '最多 $1 项', '$1 件以内にしてください']],
  [/^is no language.*/, ['不是語言代碼，請寫 en、zh-TW、ja…', '不是语言代码，请写 en、zh-TW、ja…', '言語コードではありません（en、zh-TW、ja…）']],
  [/^must have a text in.*/, ['至少須有一種語言', '至少须有一种语言', '一つ以上の言語が必要です']],
  [/^is no time zone.*/, ['不是時區，請用 IANA 名稱，如 Asia/Taipei', '不是时区，请用 IANA 名称，如 Asia/Taipei', 'タイムゾーンではありません（例：Asia/Tokyo）']],
  [/^is no date.*/, ['不是日期，請寫 2026-12-25', '不是日期，请写 2026-12-25', '日付ではありません（例：2026-12-25）']],
  [/^must be like 09:00-18:00.*/, ['須如 09:00-18:00，先開始後結束，最晚 24:00', '须如 09:00-18:00，先开始后结束，最晚 24:00', '09:00-18:00 のように、終わりは始まりより後、24:00 まで']],
  [/^must have (after_seconds|text)$/, ['尚未填寫', '尚未填写', '未入力です']],
  [/^must be more than warn_after_seconds$/, ['須大於提醒時間', '须大于提醒时间', '警告までの時間より長くしてください']],
];

const own = () => Math.max(0, LANGUAGES.indexOf(document.documentElement.lang));

/** A text, with values for its % one after the other. @param {string} name @param {...any} values */
export function say(name, ...values) {
  const text = texts[name]?.[own()] ?? name;
  return text.replaceAll('%', () => values.shift() ?? '%');
}

/** What a mistake is, in words. @param {string} problem as the server says it */
export function problemInWords(problem) {
  const language = own() - 1;
  const known = language >= 0 && problems.find(([pattern]) => pattern.test(problem));
  return known ? problem.replace(known[0], known[1][language]) : problem;
}

/** Members whose name alone does not say what they are. */
const special = { language: 'ownLanguage', 'hours.text': 'outsideText', 'message.text': 'messageText', 'message.farewell': 'messageFarewell' };

/** What a member is called. @param {string} name @param {string} parent the member it is in */
export function label(name, parent = '') {
  const day = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'].indexOf(name);
  // The first of January 2024 was a Monday.
  if (day >= 0) return new Intl.DateTimeFormat(document.documentElement.lang, { weekday: 'long', timeZone: 'UTC' }).format(Date.UTC(2024, 0, 1 + day));
  return say(special[`${parent}.${name}`] ?? special[name] ?? name);
}

/** What one of a few words means. @param {string} word */
export const meaning = (word) => say(`=${word}`);

/** A language by its name, and its code. @param {string} code */
export function languageName(code) {
  try {
    return `${new Intl.DisplayNames(document.documentElement.lang, { type: 'language' }).of(code)} (${code})`;
  } catch {
    return code;
  }
}
