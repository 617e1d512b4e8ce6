/** vhost-user, both ends: how a driver and a device in another process agree on rings. */
package dev.outboard.uio.vhost;
