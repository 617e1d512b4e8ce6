/**
 * {@code outboard top}: what the drivers and mediators of this user have and do, at this moment.
 */
package dev.outboard.host.top;
