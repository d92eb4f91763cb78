// Package browser tests the console in Chromium, against the binary. Every message on the browser's console, every report of
// the content security policy, every uncaught error and every failed request that a test did not announce fails the test.
//
// With PUNCTUAL_TEST_SCREENSHOTS=DIR the tests write pictures of the pages to a directory, at both widths, light and dark.
package browser
