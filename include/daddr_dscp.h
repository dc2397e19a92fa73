/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * DSCP values as people write them. For userspace: the plugin, dsrctl and the
 * replayer read them by the same functions, so that they never disagree.
 */
#ifndef DADDR_DSCP_H
#define DADDR_DSCP_H

#include <stdlib.h>
#include <strings.h>

enum {
	DADDR_DSCPS = 64	/* the values of the 6 bits; 0 is unmarked */
};

/*
 * daddr_dscp_class - the name of a DSCP's class
 * @dscp: 0 to 63
 *
 * RFC 2474 (CS0 to CS7), RFC 2597 (AF11 to AF43), RFC 3246 (EF), RFC 5865
 * (VA), RFC 8622 (LE). Returns NULL when the value has no name.
 */
static inline const char *daddr_dscp_class(unsigned int dscp)
{
	static const char *const names[DADDR_DSCPS] = {
		"CS0", "LE", 0, 0, 0, 0, 0, 0,
		"CS1", 0, "AF11", 0, "AF12", 0, "AF13", 0,
		"CS2", 0, "AF21", 0, "AF22", 0, "AF23", 0,
		"CS3", 0, "AF31", 0, "AF32", 0, "AF33", 0,
		"CS4", 0, "AF41", 0, "AF42", 0, "AF43", 0,
		"CS5", 0, 0, 0, "VA", 0, "EF", 0,
		"CS6", 0, 0, 0, 0, 0, 0, 0,
		"CS7", 0, 0, 0, 0, 0, 0, 0
	};

	return dscp < DADDR_DSCPS ? names[dscp] : (const char *)0;
}

/*
 * daddr_dscp_parse - read a DSCP: decimal, 0octal or 0xhex, as iptables reads
 * "--dscp"; or the name of a class, in upper or lower case (BE is CS0)
 *
 * Returns 1 and sets @dscp to 0 to 63; or 0 when @text is nothing of that.
 */
static inline int daddr_dscp_parse(const char *text, unsigned int *dscp)
{
	unsigned long number;
	unsigned int i;
	char *end;

	if (*text >= '0' && *text <= '9') {
		number = strtoul(text, &end, 0);
		if (*end || number >= DADDR_DSCPS)
			return 0;
		*dscp = (unsigned int)number;
		return 1;
	}
	if (!strcasecmp(text, "BE")) {
		*dscp = 0;
		return 1;
	}
	for (i = 0; i < DADDR_DSCPS; i++) {
		const char *name = daddr_dscp_class(i);

		if (name && !strcasecmp(text, name)) {
			*dscp = i;
			return 1;
		}
	}
	return 0;
}

#endif /* DADDR_DSCP_H */
