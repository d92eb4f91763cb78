// Package notify sends messages to channels: chat rooms, pagers, webhooks and mailboxes.
//
// A service is a Kind: a pure function from the settings of a channel and a message in words to an HTTP request, and one that says
// what an answer means. The exchange that runs jobs sends the request, with its address guard and its limits; package email sends
// mails. There is a file per service, which names the document of its API.
//
//	store ──(claim)──▶ Sender ──▶ words (package message) ──▶ Kind ──▶ request ──▶ exchange ──▶ Kind ──▶ cron.ChannelFault ──▶ store
package notify
