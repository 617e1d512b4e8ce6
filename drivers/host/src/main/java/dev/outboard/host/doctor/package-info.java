/** {@code outboard doctor}: looks at this machine, and says what is missing and what mends it. */
package dev.outboard.host.doctor;
