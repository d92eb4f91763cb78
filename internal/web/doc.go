// Package web is the console: the pages under /console. A page is one HTML document that works without JavaScript. Its
// handler decodes a request, calls one use case of package service, and renders a template or redirects; rules and rights
// are those of the service. All text comes from the labels and sentences of package message.
//
// The scripts, the stylesheet and the icons are embedded and served under a name that holds the hash of their content. No
// page has inline scripts or styles, and the content security policy forbids them.
package web
