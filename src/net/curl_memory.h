/*
 * libcurl's memory: wiped when it is released, since its buffers held credentials on their way. Internal to
 * the net module.
 */
#ifndef LH_NET_CURL_MEMORY_H
#define LH_NET_CURL_MEMORY_H

#include <curl/curl.h>

/* curl_global_init with such memory. Call once. */
CURLcode lh_curl_init(void);

#endif
