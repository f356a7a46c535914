'use strict';
/** Not JavaScript: the error must name this file and the line below. */

const order = { apples: 3, pears };
let 3 = order;
