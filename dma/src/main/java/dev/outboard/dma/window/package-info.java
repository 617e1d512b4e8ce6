/**
 * Translations that somebody else keeps for us, window by window: the kernel by VFIO's MAP_DMA, or
 * the process of a vfio-user device.
 *
 * <pre>
 *   Dma ──► WindowTranslations ── map, unmap ──► DmaWindows ──► ioctl, or message
 * </pre>
 *
 * <p>An unmap is done, devices included, when its call returns: there is nothing to flush. Each map
 * of the strategies is one window, and there is a limit to their number.
 */
package dev.outboard.dma.window;
