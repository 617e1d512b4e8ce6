/** How device models are built, as their users say: values, checked. */
package dev.outboard.models.shape;
