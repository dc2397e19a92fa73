// SPDX-License-Identifier: BSD-3-Clause
/*
 * net.inet.ip.dscp_rewrite and net.inet6.ip6.dscp_rewrite: .1 to .63 are what
 * stands for a DSCP, as words VIP or VIP@RIP; .enabled is 1 or 0; .stats has the
 * counters. Everything that comes from userspace is looked at here.
 */
#include "opt_inet.h"
#include "opt_inet6.h"

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/jail.h>
#include <sys/proc.h>
#include <sys/sbuf.h>
#include <sys/sysctl.h>
#include <sys/syslog.h>
#include <sys/time.h>
#include <sys/ucred.h>
#include <net/vnet.h>

#include "dscp_rewrite.h"

#define DSCP_REWRITE_BLANKS	" \t\n"

#ifdef INET
SYSCTL_DECL(_net_inet_ip);
#endif
#ifdef INET6
SYSCTL_DECL(_net_inet6_ip6);
#endif

enum {
	DSCP_REWRITE_WRITE = 1024,	/* a value, and its zero byte */
	DSCP_REWRITE_QUOTE = 48		/* of what cannot be understood */
};

/* The value that a text is for, for messages. */
struct dscp_rewrite_place {
	const struct dscp_rewrite_family *family;
	u_int dscp;
	char jail[24];			/* whose it is, unless it is the host's */
};

/* Jails are told two reasons a second: the log is the host's. */
static int
dscp_rewrite_may_say(void)
{
	static struct timeval last;
	static int count;

	return IS_DEFAULT_VNET(curvnet) || ppsratecheck(&last, &count, 2);
}

#define dscp_rewrite_say(place, fmt, ...)				\
do {									\
	const struct dscp_rewrite_place *place_ = (place);		\
									\
	if (dscp_rewrite_may_say())					\
		log(LOG_ERR, "dscp_rewrite: %s%s.%u: " fmt "\n",	\
		    place_->jail, place_->family->sysctl,		\
		    place_->dscp, ##__VA_ARGS__);			\
} while (0)

static void
dscp_rewrite_place_of(u_int dscp, const struct dscp_rewrite_table *table,
		      struct dscp_rewrite_place *place)
{
	place->family = table->family;
	place->dscp = dscp;
	place->jail[0] = '\0';
	if (!IS_DEFAULT_VNET(curvnet))
		snprintf(place->jail, sizeof(place->jail), "jail %d: ",
			 curthread->td_ucred->cr_prison->pr_id);
}

/* The 4 or 16 bytes of an address, and nothing else in the text. */
static int
dscp_rewrite_read_address(const struct dscp_rewrite_family *family,
			  const char *text, union dscp_rewrite_address *address)
{
	memset(address, 0, sizeof(*address));
	return inet_pton(family->af, text, address) == 1;
}

/* What was found, as far as a log shows it. */
static const char *
dscp_rewrite_quote(const char *text, char *quoted)
{
	u_int i;

	for (i = 0; text[i] != '\0' && i < DSCP_REWRITE_QUOTE; i++)
		quoted[i] = text[i] > ' ' && text[i] <= '~' ? text[i] : '?';
	quoted[i] = '\0';
	return quoted;
}

static int
dscp_rewrite_parse_address(const struct dscp_rewrite_place *place,
			   const char *what, const char *text,
			   union dscp_rewrite_address *address)
{
	char quoted[DSCP_REWRITE_QUOTE + 1];
	const char *refused;

	if (!dscp_rewrite_read_address(place->family, text, address)) {
		dscp_rewrite_say(place,
				 "%s: found \"%s\", expected an %s address",
				 what, dscp_rewrite_quote(text, quoted),
				 place->family->protocol);
		return EINVAL;
	}
	refused = place->family->refuse(address);
	if (refused != NULL) {
		dscp_rewrite_say(place, "%s may not be %s", what, refused);
		return EINVAL;
	}
	return 0;
}

/* @word: VIP or VIP@RIP; written to. */
static int
dscp_rewrite_parse_pair(const struct dscp_rewrite_place *place, char *word,
			struct dscp_rewrite_pair *pair)
{
	char *rip = strchr(word, '@');
	int error;

	memset(pair, 0, sizeof(*pair));
	pair->any = rip == NULL;
	if (rip != NULL)
		*rip++ = '\0';
	error = dscp_rewrite_parse_address(place, "the VIP", word, &pair->vip);
	if (error != 0 || rip == NULL)
		return error;
	error = dscp_rewrite_parse_address(place, "the RIP after @", rip,
					   &pair->rip);
	if (error != 0)
		return error;
	if (memcmp(&pair->vip, &pair->rip, sizeof(pair->vip)) == 0) {
		dscp_rewrite_say(place, "the VIP and the RIP after @ are the same address");
		return EINVAL;
	}
	return 0;
}

/* A packet goes to one VIP: no two are for the same destination. */
static int
dscp_rewrite_check_others(const struct dscp_rewrite_place *place,
			  const struct dscp_rewrite_pairs *pairs,
			  const struct dscp_rewrite_pair *pair)
{
	u_int i;

	for (i = 0; i < pairs->count; i++) {
		const struct dscp_rewrite_pair *other = &pairs->pair[i];

		if (pair->any != other->any ||
		    memcmp(&pair->rip, &other->rip, sizeof(pair->rip)) != 0)
			continue;
		dscp_rewrite_say(place, "two VIPs %s",
				 pair->any ? "without @RIP" : "for the same RIP");
		return EINVAL;
	}
	return 0;
}

/* The unspecified address alone says that nothing stands for the DSCP. */
static int
dscp_rewrite_is_nothing(const struct dscp_rewrite_family *family,
			const char *text)
{
	static const union dscp_rewrite_address nothing;
	union dscp_rewrite_address address;

	return dscp_rewrite_read_address(family, text, &address) &&
	       memcmp(&address, &nothing, sizeof(nothing)) == 0;
}

/* Blanks at both ends are nobody's. */
static char *
dscp_rewrite_trim(char *text)
{
	char *end;

	text += strspn(text, DSCP_REWRITE_BLANKS);
	for (end = text + strlen(text); end > text; *--end = '\0') {
		if (strchr(DSCP_REWRITE_BLANKS, end[-1]) == NULL)
			break;
	}
	return text;
}

/* @text: written to */
static int
dscp_rewrite_parse(const struct dscp_rewrite_place *place, char *text,
		   struct dscp_rewrite_pairs *pairs)
{
	struct dscp_rewrite_pair *pair;
	char *word;
	int error;

	pairs->count = 0;
	text = dscp_rewrite_trim(text);
	if (*text == '\0' || dscp_rewrite_is_nothing(place->family, text))
		return 0;
	while ((word = strsep(&text, DSCP_REWRITE_BLANKS)) != NULL) {
		if (*word == '\0')
			continue;
		if (pairs->count == DSCP_REWRITE_VIPS) {
			dscp_rewrite_say(place, "found more than %d VIPs",
					 DSCP_REWRITE_VIPS);
			return EINVAL;
		}
		pair = &pairs->pair[pairs->count];
		error = dscp_rewrite_parse_pair(place, word, pair);
		if (error == 0)
			error = dscp_rewrite_check_others(place, pairs, pair);
		if (error != 0)
			return error;
		pairs->count++;
	}
	return 0;
}

/* What is after a zero byte was not meant; programs may write the last one. */
static int
dscp_rewrite_write(const struct dscp_rewrite_place *place,
		   struct dscp_rewrite_table *table, struct sysctl_req *req)
{
	struct dscp_rewrite_pairs *pairs;
	size_t length = req->newlen - req->newidx;
	char *text;
	int error;

	if (length >= DSCP_REWRITE_WRITE) {
		dscp_rewrite_say(place, "found more than %d bytes",
				 DSCP_REWRITE_WRITE - 1);
		return EINVAL;
	}
	text = malloc(DSCP_REWRITE_WRITE, M_DSCP_REWRITE, M_WAITOK | M_ZERO);
	pairs = malloc(sizeof(*pairs), M_DSCP_REWRITE, M_WAITOK);
	error = SYSCTL_IN(req, text, length);
	if (error == 0 && strlen(text) + 1 < length) {
		dscp_rewrite_say(place, "found a zero byte");
		error = EINVAL;
	}
	if (error == 0)
		error = dscp_rewrite_parse(place, text, pairs);
	if (error == 0)
		error = dscp_rewrite_set(table, place->dscp, pairs);
	free(pairs, M_DSCP_REWRITE);
	free(text, M_DSCP_REWRITE);
	return error;
}

static void
dscp_rewrite_print_address(struct sbuf *text, int af,
			   const union dscp_rewrite_address *address)
{
	char printed[INET6_ADDRSTRLEN];

	sbuf_cat(text, inet_ntop(af, address, printed, sizeof(printed)));
}

/* As it would be written. */
static void
dscp_rewrite_print(const struct dscp_rewrite_family *family,
		   const struct dscp_rewrite_value *value, struct sbuf *text)
{
	u_int i;

	for (i = 0; value != NULL && i < value->count; i++) {
		const struct dscp_rewrite_pair *pair = &value->vip[i].pair;

		if (i != 0)
			sbuf_putc(text, ' ');
		dscp_rewrite_print_address(text, family->af, &pair->vip);
		if (pair->any)
			continue;
		sbuf_putc(text, '@');
		dscp_rewrite_print_address(text, family->af, &pair->rip);
	}
	if (value == NULL)
		sbuf_cat(text, family->none);
}

/* A line: family, DSCP, RIP, VIP, packets, bytes; as on Linux. */
static void
dscp_rewrite_print_counters(const struct dscp_rewrite_table *table, u_int dscp,
			    const struct dscp_rewrite_vip *vip,
			    struct sbuf *text)
{
	const struct dscp_rewrite_family *family = table->family;

	sbuf_printf(text, "%s %u ", family->name, dscp);
	if (vip->pair.any)
		sbuf_putc(text, '*');
	else
		dscp_rewrite_print_address(text, family->af, &vip->pair.rip);
	sbuf_putc(text, ' ');
	dscp_rewrite_print_address(text, family->af, &vip->pair.vip);
	sbuf_printf(text, " %ju %ju\n",
		    (uintmax_t)counter_u64_fetch(vip->count->packets),
		    (uintmax_t)counter_u64_fetch(vip->count->bytes));
}

static int
dscp_rewrite_read(struct sysctl_req *req, struct sbuf *text)
{
	int error = sbuf_finish(text);

	/* with the zero byte */
	if (error == 0)
		error = SYSCTL_OUT(req, sbuf_data(text), sbuf_len(text) + 1);
	sbuf_delete(text);
	return error;
}

/* A sysctl's arg2 is what it is about: of a VNET's sysctl, arg1 is an offset. */
static struct dscp_rewrite_table *
dscp_rewrite_table_by(intmax_t arg2)
{
	return dscp_rewrite_table_of((u_int)arg2 / DSCP_REWRITE_DSCPS);
}

static u_int
dscp_rewrite_dscp_by(intmax_t arg2)
{
	return (u_int)arg2 % DSCP_REWRITE_DSCPS;
}

static int
dscp_rewrite_do_value(SYSCTL_HANDLER_ARGS)
{
	struct dscp_rewrite_table *table = dscp_rewrite_table_by(arg2);
	struct sbuf *text = sbuf_new_auto();
	struct dscp_rewrite_place place;
	int error;

	dscp_rewrite_place_of(dscp_rewrite_dscp_by(arg2), table, &place);
	sx_slock(&dscp_rewrite_lock);
	dscp_rewrite_print(table->family, table->values[place.dscp], text);
	sx_sunlock(&dscp_rewrite_lock);
	error = dscp_rewrite_read(req, text);
	if (error != 0 || req->newptr == NULL)
		return error;
	return dscp_rewrite_write(&place, table, req);
}

static int
dscp_rewrite_do_enabled(SYSCTL_HANDLER_ARGS)
{
	struct dscp_rewrite_table *table = dscp_rewrite_table_by(arg2);
	int enabled = table->enabled, error;

	error = sysctl_handle_int(oidp, &enabled, 0, req);
	if (error != 0 || req->newptr == NULL)
		return error;
	if (enabled != 0 && enabled != 1)
		return EINVAL;
	return dscp_rewrite_enable(table, enabled);
}

static int
dscp_rewrite_do_stats(SYSCTL_HANDLER_ARGS)
{
	struct dscp_rewrite_table *table = dscp_rewrite_table_by(arg2);
	struct sbuf *text = sbuf_new_auto();
	u_int dscp, i;

	sx_slock(&dscp_rewrite_lock);
	for (dscp = 0; dscp < DSCP_REWRITE_DSCPS; dscp++) {
		const struct dscp_rewrite_value *value = table->values[dscp];

		for (i = 0; value != NULL && i < value->count; i++)
			dscp_rewrite_print_counters(table, dscp,
						    &value->vip[i], text);
	}
	sx_sunlock(&dscp_rewrite_lock);
	return dscp_rewrite_read(req, text);
}

#define DSCP_REWRITE_FLAGS	(CTLFLAG_VNET | CTLFLAG_MPSAFE)

static struct sysctl_ctx_list dscp_rewrite_sysctls;

static void
dscp_rewrite_sysctl_add(struct sysctl_oid_list *parent, u_int family)
{
	struct sysctl_ctx_list *list = &dscp_rewrite_sysctls;
	const intmax_t table = family * DSCP_REWRITE_DSCPS;
	struct sysctl_oid *node;
	u_int dscp;
	char name[3];

	node = SYSCTL_ADD_NODE(list, parent, OID_AUTO, "dscp_rewrite",
			       CTLFLAG_RW | CTLFLAG_MPSAFE, NULL,
			       "The destination address that a DSCP stands for");
	SYSCTL_ADD_PROC(list, SYSCTL_CHILDREN(node), OID_AUTO, "enabled",
			CTLTYPE_INT | CTLFLAG_RW | DSCP_REWRITE_FLAGS, NULL, table,
			dscp_rewrite_do_enabled, "I",
			"1: packets are rewritten; written again, before what other firewalls do");
	for (dscp = 1; dscp < DSCP_REWRITE_DSCPS; dscp++) {
		snprintf(name, sizeof(name), "%u", dscp);
		SYSCTL_ADD_PROC(list, SYSCTL_CHILDREN(node), OID_AUTO, name,
				CTLTYPE_STRING | CTLFLAG_RW | DSCP_REWRITE_FLAGS, NULL,
				table + dscp, dscp_rewrite_do_value, "A",
				"VIP or VIP@RIP, up to 16");
	}
	SYSCTL_ADD_PROC(list, SYSCTL_CHILDREN(node), OID_AUTO, "stats",
			CTLTYPE_STRING | CTLFLAG_RD | DSCP_REWRITE_FLAGS, NULL, table,
			dscp_rewrite_do_stats, "A",
			"Of each VIP: family, DSCP, RIP, VIP, packets, bytes");
}

void
dscp_rewrite_sysctl_create(void)
{
	sysctl_ctx_init(&dscp_rewrite_sysctls);
#ifdef INET
	dscp_rewrite_sysctl_add(SYSCTL_STATIC_CHILDREN(_net_inet_ip),
				DSCP_REWRITE_INET);
#endif
#ifdef INET6
	dscp_rewrite_sysctl_add(SYSCTL_STATIC_CHILDREN(_net_inet6_ip6),
				DSCP_REWRITE_INET6);
#endif
}

/* Waits for those that are being read and written. */
void
dscp_rewrite_sysctl_destroy(void)
{
	sysctl_ctx_free(&dscp_rewrite_sysctls);
}
