// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a network card makes of checksums, for the benchmark: packets that
 * arrive at a device get the state that one would deliver them in. Written to
 * the parameter "device":
 *
 *	DEVICE complete		the sum of all bytes is in skb->csum (mlx5)
 *	DEVICE unnecessary	hardware found the checksum right (most others)
 *	DEVICE none		as they come
 *
 * The device is one of the writer's network namespace.
 */
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>

MODULE_DESCRIPTION("Test: deliver packets in a state of checksum offload");
MODULE_LICENSE("GPL v2");

static rx_handler_result_t deliver_complete(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;

	/* the bytes from the IP header on, as eth_type_trans() leaves it */
	skb->csum = skb_checksum(skb, 0, skb->len, 0);
	skb->ip_summed = CHECKSUM_COMPLETE;
	return RX_HANDLER_PASS;
}

static rx_handler_result_t deliver_unnecessary(struct sk_buff **pskb)
{
	struct sk_buff *skb = *pskb;

	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = 0;
	return RX_HANDLER_PASS;
}

static int set_state(struct net_device *dev, const char *state)
{
	rx_handler_func_t *handler = rtnl_dereference(dev->rx_handler);

	if (handler == deliver_complete || handler == deliver_unnecessary)
		netdev_rx_handler_unregister(dev);
	if (!strcmp(state, "none"))
		return 0;
	if (!strcmp(state, "complete"))
		return netdev_rx_handler_register(dev, deliver_complete, NULL);
	if (!strcmp(state, "unnecessary"))
		return netdev_rx_handler_register(dev, deliver_unnecessary,
						  NULL);
	return -EINVAL;
}

static int set_device(const char *value, const struct kernel_param *param)
{
	char name[IFNAMSIZ], state[16];
	struct net_device *dev;
	int err = -ENODEV;

	if (sscanf(value, "%15s %15s", name, state) != 2)
		return -EINVAL;
	rtnl_lock();
	dev = __dev_get_by_name(current->nsproxy->net_ns, name);
	if (dev)
		err = set_state(dev, state);
	rtnl_unlock();
	return err;
}

static const struct kernel_param_ops device_ops = {
	.set = set_device,
};
module_param_cb(device, &device_ops, NULL, 0200);
MODULE_PARM_DESC(device, "DEVICE complete|unnecessary|none");

/* Never unloaded: a device may still call it. */
static int __init csum_state_init(void)
{
	return 0;
}
module_init(csum_state_init);
