/** Keys of what a server makes its messages with. */

export const kIncoming: unique symbol = Symbol('IncomingMessage');
export const kResponse: unique symbol = Symbol('ServerResponse');
