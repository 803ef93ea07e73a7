/**
 * Sentences of the server in Chinese, by their English pattern. {name} is filled in; {name|family} is itself a code with
 * words, {name|moment} a time of UTC. An empty text adds nothing to what the page says of such a refusal anyway. A house
 * test compares the two sides.
 */

import { accessSentencesZh } from "./sentences.access.zh.ts";
import { deviceSentencesZh } from "./sentences.devices.zh.ts";
import { dispatchSentencesZh } from "./sentences.dispatch.zh.ts";
import { entrySentencesZh } from "./sentences.entries.zh.ts";

export const sentencesZh: Record<string, string> = {
  ...accessSentencesZh,
  ...deviceSentencesZh,
  ...dispatchSentencesZh,
  ...entrySentencesZh,
  // who asks
  "Sign in first.": "请先登录。",
  "Your session has ended. Sign in again.": "登录已失效，请重新登录。",
  "This mandate is over. Sign in again.": "授权时限已过，请重新登录。",
  "This request came from another site. Use the pages of this service.": "请求来自其他网站，请在本系统页面操作。",
  "Your roles do not permit “{act}”. It is permitted to: {permitted}.": "",
  "Your roles have no purpose “{named}”. Theirs: {fitting}.": "您的角色不能以该用途办理。",
  "The database does not permit this to your roles.": "数据库规则不允许您的角色进行此操作。",
  "The database does not answer. Nothing was lost; try again in a moment.": "数据库暂无响应，数据没有丢失，请稍后再试。",
  "Somebody else changed the same thing at this moment. Look again, then try again.": "他人刚刚修改了同一内容，请查看后再试。",
  "A text holds a null character, or a number is too large to be kept.": "文本含空字符，或数值过大，无法保存。",
  // the rights of a person
  "This can't be deleted yet: {why}.": "暂不能删除：{why}。",
  "{told}; {more}": "{told}；{more}",
  "{why} (until {until})": "{why}（至 {until}）",
  "a call is open": "有未结警情",
  "a call that has to do with it is open": "关联的警情未结",
  "an alert of the device is open": "该设备有未关闭的告警",
  "an investigation's authorisation covers it": "在案件授权范围内",
  "the log of a call is kept for a year": "警情日志须保存一年",
  "it serves dispatch and complaints until its shortest time is over": "未满轨迹最短保存期限（调度、投诉处理所需）",
  "nobody decides on his own data": "本人数据须由他人决定",
  "Give a number, a name or other words of the caller: two characters at least.": "请输入报警人的电话、姓名或所述内容，至少两个字。",
  "{calls} calls hold these words. Give more of them.": "有 {calls} 起警情含此内容，请输入更多文字。",
  "These words stand nowhere in the call.": "该警情中没有这段内容。",
  "The batch of {at} is damaged: have it looked at first.": "{at} 收到的一批报文已损坏，请先核查。",
  "There is no call {call_id}.": "没有警情 {call_id}。",
  "Give a time that is over: from a start to a later end.": "请填写已过去的时段，起早于止。",
  "Nothing is kept of this time.": "该时段没有保存的数据。",
  // what the server can't do
  "Something went wrong here; it is written down. Nothing was shown.": "服务器出现错误，已记录，未显示任何内容。",
  "This service has another name. The operator sets it as TIANSHU_PUBLIC_URL or _ALLOWED_HOSTS.": "访问地址不是本系统的名称，请由管理员在 TIANSHU_PUBLIC_URL 或 _ALLOWED_HOSTS 中设置。",
  "Too often. Wait a minute.": "请求过于频繁，请一分钟后再试。",
  "The body is too long: {most} at most.": "内容过长，最多 {most}。",
  "The web pages are not built. Run `npm ci && npm run build` in maps/web.": "网页尚未构建，请在 maps/web 运行 `npm ci && npm run build`。",
  "There is no asset {path}.": "没有网页文件 {path}。",
  "The database is away; nothing was stored.": "数据库暂无响应，未保存任何内容。",
  "The database does not permit this process to store; nothing was.": "数据库不允许本服务写入，未保存任何内容。",
  "The bus is away; nothing was stored.": "消息队列暂无响应，未保存任何内容。",
  "The message does not begin as a message of fixes does.": "队列消息的开头不符合格式。",
  "The message is damaged: {error}.": "队列消息已损坏。",
  "The message ends too early.": "队列消息不完整。",
  "A fix can't be stored: {error}.": "定位数据超出可保存的范围。",
  "The database would refuse the data; nothing was stored.": "数据库无法保存这些数据，未保存任何内容。",
  "The database refused the data; nothing was stored.": "数据库无法保存这些数据，未保存任何内容。",
  "Set TIANSHU_DATABASE_URL, or start everything with `tianshu up`.": "请设置 TIANSHU_DATABASE_URL，或用 `tianshu up` 启动。",
  "A writer reads from a bus: set TIANSHU_BUS_URL.": "写入进程从消息队列读取，请设置 TIANSHU_BUS_URL。",
};
