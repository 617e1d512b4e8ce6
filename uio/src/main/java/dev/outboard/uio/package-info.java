/** Kernel objects as Java objects: each descriptor has one owner, and is closed once. */
package dev.outboard.uio;
