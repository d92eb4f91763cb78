// Package public serves status pages to visitors, who need no account: all paths below /status/.
//
// A visitor costs little: a page is rendered once, and everybody gets that rendering until what it shows has changed.
//
//	request ── cache: checked within the last second? ── yes ──▶ the rendering
//	               │ no, and one request does this for all who wait:
//	               └─ StatusEntrance: one row ── same revision, same day, not older than a minute ──▶ the rendering
//	                       │ no
//	                       └─ StatusView: everything ──▶ a new rendering
//
// Whatever changes what visitors see raises the revision of the page in its transaction, so a change is seen on each node within
// a second, and by caches before the service within two. While the database does not answer, visitors get the last rendering with
// a line that says from when it is. What a rendering holds does not depend on who asks for it: who may read a page is checked before
// (access.go), with a cookie that counts for that page alone.
package public
