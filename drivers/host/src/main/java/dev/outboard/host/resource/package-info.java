/** Giving things back: several resources, in the right order, whatever fails on the way. */
package dev.outboard.host.resource;
